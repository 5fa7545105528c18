//! The words by which columns of unknown audit tables are recognised: the vocabulary of real
//! hand-rolled and known tables, most telling first.
//!
//! Words are compared without case and punctuation: `createdAt`, `created_at` and `CREATED-AT` are
//! one word.

/// Parts of names that audit tables have.
pub(super) const TABLE: &[&str] = &[
    "audit", "activity", "event", "history", "log", "trail", "version", "change", "journal",
];

/// When it happened, rather than when the row was written.
pub(super) const TIME: &[&str] = &[
    "occurredat",
    "eventtime",
    "admineventtime",
    "eventdate",
    "eventtimestamp",
    "actiontime",
    "optime",
    "timestamp",
    "time",
    "ts",
    "tsutc",
    "dttm",
    "datetime",
    "at",
    "happenedat",
    "performedat",
    "loggedat",
    "recordedat",
    "createdat",
    "createat",
    "datecreated",
    "created",
    "creationtime",
    "insertedat",
    "historydate",
    "changedat",
    "startedat",
    "actiontstampstm",
    "actiontstamptx",
    "logdate",
    "logtime",
    "date",
    "cd",
];

/// Times that speak of the row's fate, not of the event.
pub(super) const NOT_TIME: &[&str] = &[
    "updatedat",
    "updateat",
    "modifiedat",
    "modified",
    "dateupdated",
    "lastupdated",
    "deletedat",
    "deleted",
    "expiresat",
    "expires",
    "expiry",
    "expiration",
    "endtimestamp",
    "endtime",
    "executiondate",
    "completedat",
    "birthday",
];

/// Who: what people read first, then keys.
pub(super) const ACTOR: &[&str] = &[
    "username",
    "useremail",
    "actoremail",
    "actorname",
    "actorlabel",
    "authorname",
    "email",
    "login",
    "actor",
    "user",
    "actoridentity",
    "actorusername",
    "principal",
    "whodunnit",
    "sessionusername",
    "creator",
    "owner",
    "performedby",
    "changedby",
    "createdby",
    "modifiedby",
    "actoruserid",
    "actorid",
    "actuseruuid",
    "userid",
    "useruuid",
    "actorstaffid",
    "authorid",
    "causerid",
    "initiatorid",
    "executorid",
    "historyuserid",
    "authuserid",
    "clientid",
    "authuid",
];

/// What was done.
pub(super) const ACTION: &[&str] = &[
    "action",
    "actionname",
    "actiontype",
    "eventtype",
    "eventname",
    "event",
    "operation",
    "operationtype",
    "op",
    "verb",
    "activity",
    "activitytype",
    "methodname",
    "method",
    "atype",
    "topic",
    "actionflag",
    "historytype",
    "command",
    "type",
    "message",
    "msg",
];

/// Class of record.
pub(super) const KIND: &[&str] = &[
    "level",
    "severity",
    "kind",
    "category",
    "actionkind",
    "eventcategory",
    "class",
    "logname",
    "type",
    "lvl",
];

/// Where it belongs.
pub(super) const SERVICE: &[&str] = &[
    "service",
    "servicename",
    "application",
    "applicationname",
    "app",
    "system",
    "component",
    "module",
    "connector",
    "source",
    "workspaceid",
    "realmid",
    "projectname",
    "project",
];

/// What it was done to, in two columns: a type and a name or key.
pub(super) const RESOURCE_PAIRS: &[(&str, &str)] = &[
    ("entitytype", "entityid"),
    ("entityname", "entityid"),
    ("entity", "entityid"),
    ("resourcetype", "resourceid"),
    ("resourcetype", "resourcepath"),
    ("resourcetype", "resourcename"),
    ("resourcetype", "resource"),
    ("objecttype", "objectid"),
    ("targettype", "targetid"),
    ("auditabletype", "auditableid"),
    ("itemtype", "itemid"),
    ("subjecttype", "subjectid"),
    ("modeltype", "modelid"),
    ("model", "modelid"),
    ("tablename", "recordid"),
    ("tablename", "rowid"),
    ("schemaname", "tablename"),
    ("aggregatetype", "aggregateid"),
    ("collection", "item"),
    ("scope", "itemid"),
];

/// What it was done to, in one column.
pub(super) const RESOURCE: &[&str] = &[
    "resource",
    "resourcename",
    "resourcepath",
    "resourceid",
    "target",
    "targetname",
    "targetdetails",
    "entitypath",
    "object",
    "objectrepr",
    "objectname",
    "objectid",
    "object1",
    "objectpk",
    "entity",
    "entityid",
    "item",
    "itemid",
    "tablename",
    "recordid",
    "modelid",
    "subject",
    "path",
    "dagid",
    "cipheruuid",
    "targetobject",
];

/// What became of it, in words or as a boolean.
pub(super) const OUTCOME: &[&str] = &[
    "outcome",
    "result",
    "decision",
    "success",
    "succeeded",
    "issuccess",
    "opresult",
    "allowed",
    "authorized",
    "status",
    "state",
];

/// A value here means that it went wrong.
pub(super) const ERROR: &[&str] = &[
    "error",
    "errormessage",
    "errorcode",
    "errortext",
    "exception",
    "failurereason",
];

/// The store's own words for the outcome.
pub(super) const STATUS: &[&str] = &[
    "errormessage",
    "error",
    "errortext",
    "failurereason",
    "reason",
    "statusmessage",
    "status",
    "statuscode",
    "outcome",
    "result",
    "decision",
    "opresult",
    "success",
    "level",
];

/// Correlation.
pub(super) const SESSION: &[&str] = &[
    "sessionid",
    "requestid",
    "requestuuid",
    "correlationid",
    "traceid",
    "span",
    "runid",
    "jobid",
    "transactionid",
    "batchuuid",
    "cid",
    "session",
    "parentid",
];

/// Address or client.
pub(super) const ORIGIN: &[&str] = &[
    "ipaddress",
    "sourceip",
    "clientip",
    "remoteip",
    "ip",
    "remoteaddress",
    "remoteaddr",
    "clientaddr",
    "origin",
    "useragent",
    "referrer",
    "applicationname",
];

/// How long it took, in milliseconds.
pub(super) const DURATION: &[&str] = &[
    "durationms",
    "responsetimems",
    "elapsedms",
    "latencyms",
    "tookms",
    "runningtime",
    "durationmillis",
    "elapsedmillis",
    "timems",
];

/// What a call was given.
pub(super) const INPUTS: &[&str] = &[
    "inputs",
    "input",
    "requestbody",
    "request",
    "parameters",
    "params",
    "arguments",
    "args",
];

/// What a call gave back.
pub(super) const OUTPUTS: &[&str] = &["outputs", "output", "responsebody", "response"];

/// What else there is to say: more than a row of plain values.
pub(super) const PAYLOAD: &[&str] = &[
    "details",
    "detail",
    "detailsjson",
    "metadata",
    "metadatajson",
    "meta",
    "payload",
    "data",
    "context",
    "properties",
    "parameters",
    "params",
    "extra",
    "extrainfo",
    "changes",
    "auditedchanges",
    "objectchanges",
    "oldvalue",
    "oldvalues",
    "newvalue",
    "newvalues",
    "olddata",
    "newdata",
    "before",
    "after",
    "record",
    "rowdata",
    "eventdata",
];

/// Columns of tables whose rows are chained by hashes.
pub(super) const CHAIN: &[&str] = &["prevhash", "previoushash", "prevdigest", "previousdigest"];

/// Columns with such a row's own hash.
pub(super) const OWN_HASH: &[&str] = &[
    "hash",
    "rowhash",
    "entryhash",
    "eventhash",
    "recordhash",
    "currenthash",
    "currhash",
    "thishash",
    "digest",
];

/// Words of an outcome column.
pub(super) const OK_WORDS: &[&str] = &[
    "ok",
    "success",
    "succeeded",
    "successful",
    "allowed",
    "granted",
    "completed",
    "done",
];
pub(super) const FAILED_WORDS: &[&str] = &[
    "failed", "failure", "fail", "error", "errored", "fatal", "critical", "aborted",
];
pub(super) const DENIED_WORDS: &[&str] = &[
    "denied",
    "deny",
    "forbidden",
    "unauthorized",
    "rejected",
    "blocked",
    "refused",
];
pub(super) const PENDING_WORDS: &[&str] = &[
    "pending",
    "running",
    "started",
    "queued",
    "in_progress",
    "processing",
];

/// The form in which words are compared.
pub(super) fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}
