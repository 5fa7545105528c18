//! The demo's people, places and services, read from `demo-data/`.
//!
//! Knows what there is, not what happens: that is `scene`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::demo::template::Template;

/// Everything the generator draws from.
#[derive(Debug)]
pub(super) struct Material {
    pub(super) people: People,
    pub(super) places: Places,
    pub(super) services: Vec<Service>,
    /// Every method with the index of its service, and the sum of the weights up to it.
    pub(super) methods: Vec<(usize, usize, u32)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct People {
    #[serde(rename = "person")]
    pub(super) persons: Vec<Person>,
    pub(super) bot: Bot,
    #[serde(rename = "episode")]
    pub(super) episodes: Vec<Episode>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) share: u32,
    pub(super) utc: i64,
    pub(super) role: Role,
    pub(super) joined_days_ago: Option<i64>,
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// Everything, and does.
    Operator,
    /// Most things, reads more than changes.
    Engineer,
    /// Reading; changes are mostly refused.
    Guest,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bot {
    pub(super) name: String,
    pub(super) methods: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Episode {
    pub(super) days_ago: i64,
    /// 0 is Monday.
    pub(super) weekday: i64,
    /// Hour and minute.
    pub(super) begins: [i64; 2],
    pub(super) minutes: i64,
    /// How much more there is to do.
    pub(super) rush: f64,
    /// Of a hundred requests so many are about it.
    pub(super) share: u8,
    /// Who, what and where, where that is always the same.
    #[serde(default)]
    pub(super) people: Vec<String>,
    pub(super) method: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) namespace: Option<String>,
    /// Of a hundred of them so many fail.
    #[serde(default)]
    pub(super) failing: u8,
    #[serde(default)]
    pub(super) code: u8,
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Places {
    pub(super) clusters: Vec<String>,
    pub(super) namespaces: Vec<String>,
    pub(super) apps: Vec<String>,
    pub(super) regions: Vec<String>,
    pub(super) tables: Vec<String>,
    pub(super) streams: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) reasons: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Services {
    service: Vec<Service>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) errors: Vec<Failure>,
    pub(super) denied: Template,
    #[serde(rename = "method")]
    pub(super) methods: Vec<Method>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) message: Template,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Method {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) weight: u32,
    /// Of 1,000 calls.
    pub(super) fails: u32,
    /// Of 1,000 calls.
    pub(super) denied: u32,
    pub(super) latency_ms: [u32; 2],
    /// Type and id.
    pub(super) resource: Option<(String, Template)>,
    /// Whether the response names the resource, too.
    #[serde(default)]
    pub(super) answers: bool,
    /// Members of the request's object.
    pub(super) request: Template,
    /// Members of the response's object.
    pub(super) response: Template,
    /// Whether Clutch leaves the response out of the log.
    #[serde(default)]
    pub(super) redacted: bool,
}

impl Material {
    /// The embedded material.
    pub(super) fn get() -> &'static Self {
        static MATERIAL: LazyLock<Material> = LazyLock::new(Material::read);
        &MATERIAL
    }

    #[expect(
        clippy::expect_used,
        reason = "the files are part of the program, and a test reads them"
    )]
    fn read() -> Self {
        let people = toml::from_str(include_str!("../../demo-data/people.toml"));
        let places = toml::from_str(include_str!("../../demo-data/places.toml"));
        let services = toml::from_str(include_str!("../../demo-data/services.toml"));
        let services: Services = services.expect("demo-data/services.toml is well-formed");
        let mut sum = 0;
        let mut methods = Vec::new();
        for (place, service) in services.service.iter().enumerate() {
            for (within, method) in service.methods.iter().enumerate() {
                sum += method.weight;
                methods.push((place, within, sum));
            }
        }
        Self {
            people: people.expect("demo-data/people.toml is well-formed"),
            places: places.expect("demo-data/places.toml is well-formed"),
            services: services.service,
            methods,
        }
    }

    /// A method by its name.
    pub(super) fn method(&self, name: &str) -> Option<(&Service, &Method)> {
        self.services.iter().find_map(|service| {
            let method = service.methods.iter().find(|method| method.name == name)?;
            Some((service, method))
        })
    }
}
