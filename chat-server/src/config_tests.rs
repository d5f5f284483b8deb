//! Which choice wins, and how a wrong one is named.

use super::*;

fn file(text: &str) -> Result<Settings, ConfigError> {
    Settings::from_toml(text, Path::new("chat.toml"))
}

#[test]
fn o01_a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }
    let line = |words: &[&str]| {
        let words = std::iter::once(&"chat-server").chain(words);
        <Line as clap::Parser>::try_parse_from(words)
            .expect("it fits")
            .settings
    };
    let in_file = || file("port = 1\nsend_burst = 7\n").expect("it fits");
    let config = Config::try_from(line(&["--port", "2"]).or(in_file())).expect("it fits");
    assert_eq!((config.port, config.send_burst), (2, 7));
    let config = Config::try_from(line(&[]).or(in_file())).expect("it fits");
    assert_eq!((config.port, config.drain), (1, Duration::from_secs(10)));
}

#[test]
fn o01_every_key_of_the_file_is_read_with_either_stroke() {
    let text = r#"
        port = 0
        host = "0.0.0.0"
        public-url = "https://chat.example/"
        origin = ["https://chat.example"]
        data = "/srv/chat"
        database = "sqlite"
        bus = "local"
        signup = "open"
        lobby = "lounge"
        presence-grace = 1
        send-rate = 0.5
        send-burst = 2
        address-limits = "off"
        log = "debug"
        log-format = "json"
        drain = 3
    "#;
    let keys = |text: &str| format!("{:?}", file(text).and_then(Config::try_from));
    let shown = keys(text);
    assert!(shown.starts_with("Ok("), "{shown}");
    let underscored: String = text
        .lines()
        .map(|line| match line.split_once(" = ") {
            Some((key, value)) => format!("{} = {value}\n", key.replace('-', "_")),
            None => format!("{line}\n"),
        })
        .collect();
    assert_eq!(keys(&underscored), shown);
    let config = file(text).and_then(Config::try_from).expect("it fits");
    assert_eq!(config.public_url.as_deref(), Some("https://chat.example"));
    assert!(!config.address_limits);
}

#[test]
fn o01_a_wrong_key_or_value_is_named_with_its_line() {
    for (text, line, word) in [
        ("port = 1\nprot = 2\n", 2, "prot"),
        ("\n\nport = \"x\"\n", 3, "port"),
        ("port = 70000", 1, "port"),
        ("signup = \"maybe\"", 1, "signup"),
        ("port = 1\nport = 2", 2, "port"),
        ("[server]\nport = 1", 1, "server"),
        ("port 1", 1, "port"),
    ] {
        let ConfigError(why) = file(text).expect_err(text);
        assert!(
            why.starts_with(&format!("chat.toml:{line}: ")),
            "{text:?}: {why}"
        );
        assert!(why.contains(word) && !why.contains('\n'), "{text:?}: {why}");
    }
}

#[test]
fn o01_a_value_that_cannot_be_is_named() {
    for (text, word) in [
        ("send-rate = -1.0", "send-rate"),
        ("send-rate = nan", "send-rate"),
        ("log = \"loud\"", "log"),
        ("lobby = \"@ann\"", "lobby"),
        ("lobby = \"all\"", "lobby"),
        ("public-url = \"chat.example\"", "public-url"),
        ("origin = [\"chat.example\"]", "origin"),
        ("database = \"oracle\"", "database"),
        ("database = \"mysql://ann:hunter2@host/chat\"", "database"),
        ("bus = \"kafka://ann:hunter2@host\"", "bus"),
        ("bus = \"nats://host:4222\"", "--database postgres"),
        ("bus-ca = \"ca.pem\"", "bus-ca"),
        (
            "metrics-token-file = \"/does/not/exist\"",
            "metrics-token-file",
        ),
    ] {
        let ConfigError(why) = file(text).and_then(Config::try_from).expect_err(text);
        assert!(why.contains(word), "{text:?}: {why}");
        assert!(!why.contains("hunter2"), "{text:?}: {why}");
    }
}

#[test]
fn c01_a_database_and_a_bus_are_named_by_their_urls() {
    for (text, database, bus) in [
        ("", Database::Sqlite, Bus::Local),
        (
            "database = \"sqlite\"\nbus = \"local\"",
            Database::Sqlite,
            Bus::Local,
        ),
        (
            "database = \"postgres://db/chat\"\nbus = \"nats://a:4222,nats://b:4222\"",
            Database::Postgres(Secret("postgres://db/chat".to_owned())),
            Bus::Nats(Secret("nats://a:4222,nats://b:4222".to_owned())),
        ),
        (
            "database = \"postgresql://db/chat\"\nbus = \"rediss://r\"\nbus_ca = \"ca.pem\"",
            Database::Postgres(Secret("postgresql://db/chat".to_owned())),
            Bus::Redis(Secret("rediss://r".to_owned())),
        ),
    ] {
        let config = file(text).and_then(Config::try_from).expect(text);
        assert_eq!((config.database, config.bus), (database, bus), "{text}");
    }
}

#[test]
fn o01_what_kubernetes_sets_is_no_port() {
    let settings = Settings {
        port: Some("tcp://10.0.0.1:8080".parse().expect("it is passed over")),
        ..Settings::default()
    };
    let in_file = file("port = 9").expect("it fits");
    let config = Config::try_from(settings.or(in_file)).expect("it fits");
    assert_eq!(config.port, 9);
}

#[test]
fn o06_the_configuration_hides_its_secrets() {
    let config = Config {
        metrics_token: Some(Secret("hunter2".to_owned())),
        database: Database::Postgres(Secret("postgres://ann:hunter2@db/chat".to_owned())),
        bus: Bus::Nats(Secret("nats://ann:hunter2@bus".to_owned())),
        ..Config::default()
    };
    assert!(!format!("{config:?}").contains("hunter2"));
    let settings = file("database = \"postgres://ann:hunter2@db/chat\"").expect("it fits");
    assert!(!format!("{settings:?}").contains("hunter2"));
}
