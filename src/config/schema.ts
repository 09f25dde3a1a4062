/** Every key of the configuration: its type, default and meaning. Files, environment, flags and docs follow from it. */
import { LOG_LEVELS } from "../telemetry/log.ts";
import { crossMatches } from "./cross-matches.ts";
import { choice, flag, type Infer, integer, list, number, object, optional, text } from "./kinds.ts";
import { models } from "./models.ts";
import { outbox, sink } from "./sinks.ts";

const secretText = (doc: string) => optional(text({ default: "", doc, secret: true }));
const optionalText = (doc: string) => optional(text({ default: "", doc }));
const ZOOKEEPER = "Kafka is reached without ZooKeeper";

const server = object({
  doc: "The HTTP server.",
  fields: {
    host: text({
      default: "127.0.0.1",
      doc: "Address to listen on. Loopback by default, so that a laptop shows nothing to its network; the container image sets 0.0.0.0.",
    }),
    port: integer({ default: 4000, min: 0, max: 65535, doc: "Port to listen on; 0 takes a free one." }),
    admin_username: text({
      default: "admin",
      pattern: /./,
      expected: "a text that is not empty",
      doc: "Name of the administrator.",
    }),
    admin_password: text({
      default: "",
      secret: true,
      doc: "The administrator's password. Written to the data folder at the first start when it is not set.",
    }),
    jwt_secret: text({
      default: "",
      secret: true,
      doc: "Key that signs tokens. Random and kept in the data folder when it is not set.",
    }),
    token_expiry_days: integer({
      default: 30,
      min: 1,
      max: 3650,
      doc: "Days until a token must be renewed.",
    }),
    max_body_bytes: integer({
      default: 10_485_760,
      min: 1024,
      max: 1_073_741_824,
      doc: "Largest request body in bytes; a larger one is answered with 413.",
    }),
    trusted_proxies: list({
      item: text({ default: "", doc: "", expected: "an address or a network such as 10.0.0.0/8" }),
      doc: "Addresses or networks of proxies whose X-Forwarded-For header tells the client's address.",
    }),
  },
  retired: {
    SERVER_SECRET_KEY: "there are no server-side sessions",
    JWT_SECRET_KEY: "use server.jwt_secret, or leave it out to have one made",
    JWT_ALGORITHM: "tokens are always signed with HS256",
    JWT_EXP_DELTA_SECONDS: "use server.token_expiry_days",
  },
});

const source = object({
  doc: "One source of packets: a file, a folder, the address of an archive, or topics of Kafka.",
  fields: {
    path: optionalText("A .avro file, a .tar or .tar.gz archive, or a folder of them."),
    url: optionalText("http(s) address of such an archive."),
    watch: flag({ default: false, doc: "Keep looking for new files in the folder." }),
    username: optionalText("User name for the address."),
    password: secretText("Password for the address."),
    topics: list({
      item: text({ default: "", doc: "", pattern: /./, expected: "the name or pattern of a topic" }),
      doc: "Topics of Kafka: names, or patterns with `{date}` for the date of a night (YYYYMMDD; tonight's and those of the last week), `{1,2}` for either, `*` for anything. New topics are found while `serve` runs.",
    }),
    group: text({
      default: "kowalski",
      pattern: /./,
      expected: "a name",
      doc: "The consumer group, which all hosts of a deployment share.",
    }),
    members: integer({
      default: 0,
      min: 0,
      max: 64,
      doc: "How many members of the group this process is; 0 makes one per worker.",
    }),
    start: text({
      default: "earliest",
      pattern: /^(earliest|latest|\d{4}-\d{2}-\d{2}.*)$/,
      expected: "earliest, latest, or a time such as 2026-11-25T03:00:00Z",
      doc: "Where to begin in topics of which the group has read nothing. Those that appear later are read from their beginning.",
    }),
  },
});

const DATABASE_ADMIN = "the account of database.username makes collections and indexes too";

const database = object({
  doc: "Accounts on the MongoDB server, where `store` names one.",
  fields: {
    username: optionalText(
      "User that reads, writes, and makes collections and indexes: `readWrite` and `dbAdmin` on the database.",
    ),
    password: secretText("That user's password."),
    auth_source: optionalText(
      "Database in which that user was made, where it is another than the one in `store` (without one there: `admin`).",
    ),
    tls: flag({
      default: false,
      doc: "Encrypt connections. An address that begins with `mongodb+srv` does so by itself.",
    }),
    tls_ca: optionalText(
      "File of the certificates (PEM) that vouch for the servers', where these are not publicly known.",
    ),
    tls_certificate_key: optionalText(
      "File of our own certificate and its key (PEM), for servers that ask for one.",
    ),
    allow_standalone: flag({
      default: false,
      doc: "Accept a server that is no replica set: a crash can then leave a batch half written, which the next start completes.",
    }),
  },
  retired: { admin_username: DATABASE_ADMIN, admin_password: DATABASE_ADMIN },
});

const kafka = object({
  doc: "The Kafka clusters.",
  fields: {
    "bootstrap.servers": optionalText("host:port pairs, separated by commas."),
    "bootstrap.test.servers": optionalText("The same for the test cluster, which `serve --test` reads."),
    ssl: flag({ default: false, doc: "Encrypt connections to the brokers." }),
    ssl_ca: optionalText(
      "File of the certificates (PEM) that vouch for the brokers', where these are not publicly known.",
    ),
    ssl_certificate: optionalText("File of our own certificate (PEM), for brokers that ask for one."),
    ssl_key: optionalText("File of its key (PEM)."),
    sasl_mechanism: choice({
      default: "none",
      choices: ["none", "plain", "scram-sha-256", "scram-sha-512"],
      doc: "How to log in to the brokers.",
    }),
    sasl_username: optionalText("User name for the brokers."),
    sasl_password: secretText("Password for the brokers."),
    schema_registry_url: optional(
      text({
        default: "",
        pattern: /^https?:\/\//,
        expected: "an http(s) address",
        doc: "Address of the schema registry, for topics whose messages carry only the number of their schema (Confluent's framing, as LSST uses). Schemas are kept in the folder `schemas` of the data folder.",
      }),
    ),
    schema_registry_username: optionalText("User name for the registry."),
    schema_registry_password: secretText("Password for the registry."),
    schemas_folder: optionalText(
      "A folder with schemas by their number (`5.avsc`) that is looked into before the registry is asked, or instead.",
    ),
  },
  retired: { zookeeper: ZOOKEEPER, "zookeeper.test": ZOOKEEPER },
});

const skyportal = object({
  doc: "The SkyPortal instance that receives matches.",
  fields: {
    protocol: choice({ default: "https", choices: ["http", "https"], doc: "How it is reached." }),
    host: optionalText("Host name."),
    port: optional(integer({ default: 443, min: 1, max: 65535, doc: "Port." })),
    username: optionalText("User name."),
    password: secretText("Password."),
    token: secretText("API token."),
  },
});

const ztfDepot = object({
  doc: "Account for the nightly archives of ZTF alerts.",
  fields: { username: optionalText("User name."), password: secretText("Password.") },
});

const ztfOps = object({
  doc: "The ZTF operations page with the log of observations.",
  fields: {
    url: optionalText("Address."),
    username: optionalText("User name."),
    password: secretText("Password."),
  },
});

const ingest = object({
  doc: "The way of an alert into the store.",
  fields: {
    workers: integer({ default: 0, min: 0, max: 256, doc: "Worker threads; 0 takes one per core." }),
    batch_packets: integer({ default: 300, min: 1, max: 10_000, doc: "Packets stored in one transaction." }),
  },
});

const filters = object({
  doc: "Filters that run on every alert.",
  fields: {
    max_share: number({
      default: 0.01,
      min: 0,
      max: 1,
      doc: "A filter that selects more than this share of the alerts of the last stored night is not switched on, unless an administrator overrides it.",
    }),
    min_matches: integer({
      default: 10,
      min: 0,
      max: 1_000_000,
      doc: "As many matches in a night are always fine, however few alerts the night has.",
    }),
  },
});

const queries = object({
  doc: "Queries of users.",
  fields: {
    max_time_ms: integer({
      default: 300_000,
      min: 1,
      max: 86_400_000,
      doc: "Milliseconds after which a query ends with status 504; a query may ask for less.",
    }),
    saved_days: integer({
      default: 5,
      min: 1,
      max: 365,
      doc: "Days that the answers of saved queries are kept.",
    }),
    max_saved_bytes: integer({
      default: 67_108_864,
      min: 1024,
      max: 1_073_741_824,
      doc: "Largest answer of a saved query in bytes; a larger one fails with how to page.",
    }),
    readers: integer({
      default: 0,
      min: 0,
      max: 64,
      doc: "Reader threads; 0 takes a number that suits the cores.",
    }),
  },
});

const skymaps = object({
  doc: "Localisations of events.",
  fields: {
    allow_private_urls: flag({
      default: false,
      doc: "Also fetch skymaps from addresses of the server's own network, which users could look into that way.",
    }),
  },
});

const catalogs = object({
  doc: "Catalogues that administrators load over HTTP.",
  fields: {
    folder: text({
      default: "",
      doc: "Folder of the files that may be loaded so; `incoming` in the data folder when it is not set.",
    }),
  },
});

export const schema = object({
  doc: "The configuration of Kowalski.",
  fields: {
    data_dir: text({
      default: "kowalski-data",
      pattern: /./,
      expected: "a path",
      doc: "Folder of the embedded store and of generated secrets.",
    }),
    store: text({
      default: "embedded",
      pattern: /^(embedded$|mongodb(\+srv)?:\/\/)/,
      expected: "`embedded` or a mongodb:// address",
      secret: true,
      doc: "Where alerts are kept: `embedded`, or the address of a MongoDB replica set.",
    }),
    log_level: choice({
      default: "info",
      choices: LOG_LEVELS,
      doc: "Least serious messages that are logged.",
    }),
    cutouts: choice({
      default: "all",
      choices: ["all", "matched", "none"],
      doc: "Whose cutouts are kept: of all alerts, of those a filter matched, or of none.",
    }),
    server,
    ingest,
    cross_matches: crossMatches,
    catalogs,
    filters,
    sources: list({ item: source, doc: "Sources that `serve` reads." }),
    sinks: list({ item: sink, doc: "Where matches go." }),
    outbox,
    models,
    queries,
    skymaps,
    database,
    kafka,
    skyportal,
    ztf_depot: ztfDepot,
    ztf_ops: ztfOps,
  },
});

export type Config = Infer<typeof schema>;
export type ServerConfig = Config["server"];
export type SinkConfig = Config["sinks"][number];
export type ModelConfig = Config["models"][string];
export type SourceConfig = Config["sources"][number];
