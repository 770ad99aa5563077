/// One setting: its name, what it may hold and what it means. This table is the only place that
/// knows them; `stet settings` and `docs/settings.md` follow it.
struct SettingDefinition: Sendable {
  enum Form: Sendable, Equatable {
    case text
    case secret
    case folder
    /// Names of model providers, separated by commas.
    case providers
    /// An `http` or `https` address.
    case address
    /// Like `address`, one for each provider, separated by commas.
    case addresses
    /// A bare `host:port`, or an address.
    case host
    case database
    /// `HOST:PORT` to listen on; port 0 picks one.
    case listen
    /// A secret of several lines in PEM, or the path of a file that holds it.
    case privateKey
    /// A whole number in this range.
    case number(ClosedRange<Int>)
    /// One of these words.
    case choice([String])
    /// The IANA name of a time zone.
    case timeZone
    /// Five fields of cron.
    case cron
    /// The JSON of `EvaluationCriteria`, each member of which may be absent.
    case criteria
    /// 32 bytes in base64, or a list `ID:KEY,ID:KEY` of such.
    case secretKeys
    /// Whole numbers of seconds, separated by commas.
    case delays
    /// A name that comments address: letters, digits and dashes.
    case handle
  }

  var name: String
  var form: Form
  /// As told to a reader; how it is worked out is in `SettingsReader`.
  var defaultValue: String
  var meaning: String

  var isSecret: Bool { [.secret, .privateKey, .secretKeys].contains(form) }

  private static func row(
    _ name: String, _ form: Form, _ defaultValue: String, _ meaning: String
  ) -> SettingDefinition {
    SettingDefinition(name: name, form: form, defaultValue: defaultValue, meaning: meaning)
  }

  static let all = most + AdapterSettings.definitions

  private static let most: [SettingDefinition] = [
    row(
      "STET_DATA_DIR", .folder, "$XDG_DATA_HOME/stet, else ~/.local/share/stet",
      "folder of the embedded database and the local models; made with mode 0700"),
    row(
      "DATABASE_URL", .database, "sqlite: in the data folder",
      "where everything is kept: sqlite:PATH, or postgres://USER:PASSWORD@HOST:PORT/NAME for several "
        + "servers and workers"),
    row(
      "STET_DATABASE_CONNECTIONS", .number(2...200), "8",
      "connections that one process keeps to PostgreSQL, beside one that listens"),
    row(
      "STET_SECRET_KEY", .secretKeys, "made at first start with SQLite",
      "32 random bytes in base64, or a list ID:KEY,ID:KEY with the newest first; `stet serve` and "
        + "`stet worker` need it with postgres://, the same in every process"),
    row(
      "STET_LISTEN", .listen, "127.0.0.1:8080",
      "address to serve on; port 0 picks one. Off loopback `stet serve` starts only once there is "
        + "an API token"),
    row(
      "STET_PUBLIC_URL", .address, "the listening address",
      "the address under which others reach this server; unless it is this machine's, every call "
        + "of the API needs a token"),
    row("STET_MENTION", .handle, "stet", "the handle that commands in comments address"),
    row(
      "STET_WORKERS", .number(1...64), "4",
      "reviews of pull requests that one process runs at the same time"),
    row(
      "STET_REPOSITORY_JOBS", .number(1...1000), "3",
      "reviews of one repository at the same time, over all processes"),
    row(
      "STET_FORGE_JOBS_PER_MINUTE", .number(1...100_000), "unset",
      "jobs of one GitHub App installation, or of the token, that begin in a minute, over all "
        + "processes"),
    row(
      "STET_MODEL_JOBS", .number(1...1000), "unset",
      "jobs that ask the model at the same time, over all processes"),
    row(
      "STET_MODEL_JOBS_PER_MINUTE", .number(1...100_000), "unset",
      "jobs that ask the model and begin in a minute, over all processes"),
    row(
      "STET_TOKENS_PER_DAY", .number(1...1_000_000_000_000), "unset",
      "tokens, of prompts and answers, that one repository may spend on the model in a day (UTC)"),
    row(
      "STET_GRACE", .number(0...600), "20",
      "seconds that running jobs get to finish when the server is asked to stop"),
    row(
      "STET_KEEP_DAYS", .number(1...3650), "90",
      "days that webhooks, finished jobs and runs are kept"),
    row(
      "STET_LIKENESS_DAYS", .number(1...3650), "365",
      "days that a learned reviewer is kept after the person's comments were read last"),
    row(
      "STET_LIKENESS_EXAMPLES", .number(10...100_000), "200",
      "comments of a person from which on an adapter is trained, where a trainer is set; with fewer "
        + "a likeness speaks by examples"),
    row(
      "STET_UPKEEP", .cron, "17 3 * * *",
      "when what is older goes, as five fields of cron: minute, hour, day, month, day of the week"),
    row(
      "STET_REPORTS", .cron, "0 8 * * 1",
      "when people are told what happened in a week, as five fields of cron"),
    row(
      "STET_SWEEP", .cron, "7 * * * *",
      "when repositories are gone through for what is stale and for rules that wait for a time, as "
        + "five fields of cron"),
    row(
      "STET_REDELIVER", .cron, "3-59/15 * * * *",
      "when webhooks that the forge could not deliver are asked for again, as five fields of cron"),
    row(
      "STET_TIME_ZONE", .timeZone, "UTC",
      "time zone of STET_UPKEEP, STET_REPORTS, STET_SWEEP and STET_REDELIVER, such as "
        + "Europe/Berlin"),
    row(
      "STET_LOG_FORMAT", .choice(["text", "json"]), "text",
      "form of the log of `stet serve` and `stet worker`"),
    row(
      "STET_LOG_LEVEL", .choice(["debug", "info", "notice", "warning", "error"]), "info",
      "the least that the log of `stet serve` and `stet worker` tells"),
    row(
      "STET_REQUESTS_PER_MINUTE", .number(1...100_000), "120",
      "requests of one token or address to /fix, /issues and /v1"),
    row(
      "STET_COMMANDS_PER_HOUR", .number(1...10_000), "20",
      "commands of one person in the comments of one repository"),
    row(
      "STET_ENRICH_RETRIES", .delays, "60,120,180",
      "seconds to wait after each try of a model that failed with an issue; after the last of them "
        + "its own words are used"),
    row(
      "STET_GENERATE_ROUNDS", .number(1...20), "5",
      "rounds of writing and repairing that one generation may take"),
    row(
      "STET_GENERATE_CANDIDATES", .number(1...16), "3",
      "answers that are asked for where code is written from scratch"),
    row(
      "STET_GENERATE_SECONDS", .number(1...3_600), "600",
      "wall clock that one generation or refactoring may take"),
    row(
      "STET_GENERATE_TOKENS", .number(1...1_000_000_000), "unset",
      "tokens, of prompts and answers, that one generation or refactoring may take"),
    row(
      "STET_GENERATE_CENTS", .number(1...1_000_000), "unset",
      "US cents that one generation or refactoring may cost, where the model's price is known"),
    row(
      "STET_CRITERIA", .criteria, "unset",
      "what Python code has to hold to where nothing else is said, as JSON such as "
        + "{\"complexity\": 10, \"severity\": \"high\"}; see evaluate.md"),
    row(
      "STET_SANDBOX", .choice(["automatic", "zygote", "bubblewrap"]), "automatic",
      "how programs that are judged are kept apart: forked from a warm interpreter (zygote), each in "
        + "a bubblewrap of its own, or the first of these that works here"),
    row(
      "STET_REPL_SESSIONS", .number(1...1_000), "32",
      "interpreters that callers of /v1/repl may hold open together; one caller a quarter of them"),
    row(
      "STET_REPL_IDLE", .number(1...86_400), "900",
      "seconds after which an interpreter of /v1/repl that nobody uses is closed"),
    row(
      "LLM_PROVIDER", .providers, "unset",
      "who answers: openai, anthropic, gemini, mistral, ollama, lmstudio, vllm, llamacpp, "
        + "openai-compatible, local or none; several, separated by commas, are asked in turn"),
    row(
      "LLM_MODEL", .text, "per provider",
      "the model's name; with several providers a list in the same order"),
    row(
      "LLM_BASE_URL", .addresses, "per provider",
      "the API's root, up to and with /v1; with several providers a list in the same order"),
    row(
      "LLM_API_KEY", .secret, "unset",
      "key of a llamacpp, lmstudio, vllm or openai-compatible server"),
    row(
      "STET_EMBEDDING_PROVIDER", .choice(EmbeddingSettings.names), "unset",
      "who turns texts into vectors, by which earlier issues are found that mean the same: openai, "
        + "gemini, mistral, ollama, lmstudio, vllm, llamacpp, openai-compatible or none; with "
        + "STET_EMBEDDING_URL alone openai-compatible"),
    row(
      "STET_EMBEDDING_URL", .address, "per provider",
      "root of its API, up to and with /v1, such as that of `llama-server --embeddings`"),
    row("STET_EMBEDDING_MODEL", .text, "per provider", "name of the model of vectors"),
    row(
      "STET_EMBEDDING_KEY", .secret, "that of openai, gemini or mistral",
      "key for it; those of other servers are not shown to it"),
    row("OPENAI_API_KEY", .secret, "unset", "key for openai"),
    row("OPENAI_BASE_URL", .address, "https://api.openai.com/v1", "root of OpenAI's API"),
    row("ANTHROPIC_API_KEY", .secret, "unset", "key for anthropic"),
    row("ANTHROPIC_BASE_URL", .address, "https://api.anthropic.com", "root of Anthropic's API"),
    row("GEMINI_API_KEY", .secret, "unset", "key for gemini"),
    row("MISTRAL_API_KEY", .secret, "unset", "key for mistral"),
    row("OLLAMA_HOST", .host, "127.0.0.1:11434", "where Ollama listens"),
    row(
      "GITHUB_API_URL", .address, "https://api.github.com",
      "root of GitHub's API; of Enterprise https://HOST/api/v3"),
    row(
      "GITHUB_WEB_URL", .address, "https://github.com",
      "where GitHub's pages are, for addresses of pull requests"),
    row("GITHUB_TOKEN", .secret, "unset", "a token that GitHub is asked with"),
    row("GITHUB_APP_ID", .text, "unset", "id of the GitHub App that Stet acts as"),
    row(
      "GITHUB_APP_PRIVATE_KEY", .privateKey, "unset",
      "that App's private key: the PEM text, or the path of its file"),
    row(
      "GITHUB_WEBHOOK_SECRET", .secret, "unset",
      "secret of GitHub's webhooks; without it they are answered with 503"),
    row(
      "GITHUB_OAUTH_CLIENT_ID", .text, "unset",
      "client id of the OAuth App or GitHub App by which people sign in who ask for a review in "
        + "somebody's manner; without it Stet reads with its own credentials. See sign-in.md"),
    row(
      "GITHUB_OAUTH_CLIENT_SECRET", .secret, "unset",
      "that App's client secret; its callback address is STET_PUBLIC_URL and /oauth/github/callback"
    ),
    row(
      "STET_SLACK_WEBHOOK", .secret, "unset",
      "address of an incoming webhook of Slack, or NAME=ADDRESS,NAME=ADDRESS for several channels"),
    row(
      "STET_SMTP_URL", .secret, "unset",
      "server that takes mail: smtp://USER:PASSWORD@HOST:587 (STARTTLS), or "
        + "smtps://USER:PASSWORD@HOST:465; user and password percent-encoded"),
    row(
      "STET_SMTP_TLS", .choice(["required", "optional"]), "required",
      "whether mail goes over TLS only; optional is for a relay that asks for no password"),
    row(
      "STET_SMTP_CA_FILE", .text, "the system's",
      "file of certificates in PEM that vouch for the mail server"),
    row("STET_MAIL_FROM", .text, "unset", "who mail is from: an address, or NAME <ADDRESS>"),
    row("STET_MAIL_TO", .text, "unset", "who gets mail, separated by commas"),
    row(
      "STET_MAIL_DOMAINS", .text, "unset",
      "domains, separated by commas, to which a repository's policy may have mail sent"),
    row(
      "STET_WEBHOOK_URL", .secret, "unset", "address that is told of what happens, by signed JSON"),
    row(
      "STET_WEBHOOK_SECRET", .secret, "unset",
      "what such messages are signed with, also those to addresses that policies name; at least 16 "
        + "bytes"),
    row(
      "STET_NOTIFY_LEVEL", .choice(["note", "warning", "error"]), "warning",
      "the least that the places of these settings are told, where STET_NOTIFY_FILE says nothing"),
    row(
      "STET_NOTIFY_FILE", .text, "unset",
      "YAML file with a notify: section for all repositories; see notifications.md"),
    row(
      "STET_PRIVATE_HOSTS", .text, "unset",
      "hosts of one's own network, separated by commas, to which addresses that policies name may "
        + "lead; all others have to be public"),
    row(
      "HF_ENDPOINT", .address, "https://huggingface.co",
      "where `stet model pull` looks for models first"),
    row("HTTP_PROXY", .address, "unset", "proxy for http addresses; lower case works too"),
    row("HTTPS_PROXY", .address, "unset", "proxy for https addresses; lower case works too"),
    row(
      "NO_PROXY", .text, "unset",
      "hosts, separated by commas, that are reached without a proxy; lower case works too"),
  ]

  static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// Names that a later version reads. They are no mistake, and nothing happens by them yet.
  static let reserved: Set<String> = []

  /// Those that programs by custom read in lower case first.
  static let proxies: Set<String> = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]

  /// A name that the user may have meant.
  static func nearest(to name: String, among names: some Sequence<String>) -> String? {
    names.map { ($0, EditDistance.between(Array(name.utf8), Array($0.utf8))) }
      .filter { $0.1 <= max(1, $0.0.utf8.count / 4) }
      .min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
  }
}

enum EditDistance {
  /// How many bytes must be put in, taken out, replaced or swapped with a neighbour.
  /// - Complexity: O(a · b). Source: optimal string alignment.
  static func between(_ a: [UInt8], _ b: [UInt8]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var older = [Int](repeating: 0, count: b.count + 1)
    var old = Array(0...b.count)
    for i in 1...a.count {
      var new = [i] + [Int](repeating: 0, count: b.count)
      for j in 1...b.count {
        let replaced = old[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
        new[j] = min(replaced, old[j] + 1, new[j - 1] + 1)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          new[j] = min(new[j], older[j - 2] + 1)
        }
      }
      older = old
      old = new
    }
    return old[b.count]
  }
}
