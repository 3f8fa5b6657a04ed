use super::*;

fn parse(arguments: &[&str]) -> Settings {
    Settings::try_parse_from([&["quire-server"], arguments].concat()).unwrap()
}

fn with_file(text: &str, arguments: &[&str]) -> Result<Command, String> {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("relay.toml");
    fs::write(&path, text).unwrap();
    let settings = Settings { config: Some(path), ..parse(arguments) };
    settings.resolve().map_err(|error| error.to_string())
}

#[test]
fn without_more_than_a_directory_everything_has_its_default() {
    let expected = Command::Serve { listen: DEFAULT_LISTEN.to_owned(), config: Config::new("here") };
    assert_eq!(parse(&["--data", "here"]).resolve().unwrap(), expected);
}

#[test]
fn a_flag_counts_before_the_file_and_the_file_before_the_default() {
    let file = "listen = \"[::]:1\"\ndata = \"there\"\nping_interval_ms = 700\nring_changes_max = 5\n";
    let Ok(Command::Serve { listen, config }) = with_file(file, &["--ring-changes-max", "6"]) else { panic!() };
    assert_eq!((listen.as_str(), config.data.as_path()), ("[::]:1", Path::new("there")));
    assert_eq!(config.limits.relay.ping_interval_us, 700_000);
    assert_eq!(config.limits.relay.ring_changes_max, 6);
    assert_eq!(config.limits.relay.retry_after_ms, Limits::default().relay.retry_after_ms);
}

#[test]
fn a_certificate_comes_with_its_key_or_is_made() {
    let tls = |file: &str, arguments: &[&str]| match with_file(&format!("data = \"d\"\n{file}"), arguments) {
        Ok(Command::Serve { config, .. }) => Ok(config.tls),
        other => Err(other.unwrap_err()),
    };
    let files = TlsSource::Files { certificate: "c.pem".into(), key: "k.pem".into() };
    assert_eq!(tls("", &[]), Ok(None));
    assert_eq!(tls("tls_key = \"k.pem\"", &["--tls-cert", "c.pem"]), Ok(Some(files)));
    assert_eq!(tls("", &["--tls-self-signed"]), Ok(Some(TlsSource::SelfSigned)));
    assert_eq!(tls("tls_self_signed = true", &[]), Ok(Some(TlsSource::SelfSigned)));
    assert_eq!(tls("tls_self_signed = true", &["--tls-self-signed=false"]), Ok(None));
    assert!(tls("", &["--tls-cert", "c.pem"]).unwrap_err().contains("--tls-key is missing"));
    assert!(tls("tls_key = \"k.pem\"", &[]).unwrap_err().contains("--tls-cert is missing"));
    assert!(tls("tls_key = \"k.pem\"", &["--tls-self-signed"]).unwrap_err().contains("leave one of them out"));
}

#[test]
fn a_check_is_asked_for_by_flag() {
    let expected = Command::Check { config: Config::new("here") };
    assert_eq!(parse(&["--check", "--data", "here"]).resolve().unwrap(), expected);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_name_and_numbers() {
    let check = |text: &str, arguments: &[&str], expected: &str| {
        let error = with_file(text, arguments).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    check("", &[], "say where the store is to be: --data DIR");
    check("data = 1", &[], "relay.toml: TOML parse error at line 1");
    check("dada = \"x\"", &[], "unknown field `dada`");
    check("", &["--data", "d", "--ping-interval-ms", "5"], "ping_interval_ms is 5: it must be from 100 to 4294967295");
    check("store_reads_max = 70000", &["--data", "d"], "store_reads_max is 70000: it must be from 1 to 65535");
    let absent = Settings { config: Some("/nowhere/relay.toml".into()), ..parse(&[]) };
    assert!(absent.resolve().unwrap_err().to_string().starts_with("/nowhere/relay.toml: No such file"));
}

#[test]
fn names_and_who_may_make_documents() {
    let policy = |file: &str, arguments: &[&str]| match with_file(&format!("data = \"d\"\n{file}"), arguments) {
        Ok(Command::Serve { config, .. }) => Ok(config.policy),
        other => Err(other.unwrap_err()),
    };
    assert_eq!(policy("", &[]), Ok(RelayPolicy::default()));
    let named = policy("listen = \"[::]:99\"\nname = [\"Relay.example.org\", \"[::1]\", \"other:1\"]", &[]).unwrap();
    assert_eq!(named.names, ["relay.example.org:99", "[::1]:99", "other:1"]);
    assert_eq!(policy("create = \"nobody\"", &[]).unwrap().creation, Creation::Nobody);
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("token");
    let path = file.to_str().unwrap();
    fs::write(&file, "open sesame\nand more").unwrap();
    let token = Creation::Token(b"open sesame".to_vec());
    assert_eq!(policy("", &["--create-token-file", path]).unwrap().creation, token);
    assert_eq!(policy("", &["--create", "token", "--create-token-file", path]).unwrap().creation, token);
    assert!(policy("", &["--create", "token"]).unwrap_err().contains("--create-token-file FILE"));
    assert!(policy("", &["--create", "nobody", "--create-token-file", path]).unwrap_err().contains("leave one"));
    fs::write(&file, "x".repeat(65)).unwrap();
    assert!(policy("", &["--create-token-file", path]).unwrap_err().contains("has 65 bytes; it must have 1 to 64"));
}

#[test]
fn every_default_in_the_help_is_the_default() {
    let help = <Settings as clap::CommandFactory>::command().render_long_help().to_string();
    let limits = Limits::default();
    let relay = &limits.relay;
    let milliseconds = |us: u64| us / 1000;
    let numbers = [
        limits.connections_max as u64,
        limits.connections_per_address_max as u64,
        relay.documents_open_max as u64,
        relay.documents_stored_max,
        relay.document_bytes_max,
        relay.links_per_document_max as u64,
        relay.replicas_per_document_max as u64,
        relay.link_unappended_bytes_max as u64,
        relay.unappended_bytes_max as u64,
        relay.ring_bytes_max as u64,
        relay.ring_changes_max as u64,
        relay.rings_bytes_max as u64,
        relay.read_bytes_max as u64,
        relay.reads_bytes_max as u64,
        u64::from(relay.missing_repeats_max),
        relay.progress_changes,
        relay.quotas.links_max as u64,
        relay.quotas.bytes_per_hour_max,
        relay.quotas.documents_per_hour_max,
        relay.quotas.networks_max as u64,
        milliseconds(relay.hello_timeout_us),
        milliseconds(relay.ping_interval_us),
        milliseconds(relay.silence_timeout_us),
        u64::from(relay.retry_after_ms),
        limits.store_reads_max as u64,
        limits.store_cache_bytes as u64,
        limits.store_check_bytes_max,
        limits.send_buffer_bytes as u64,
        milliseconds(u64::try_from(limits.tcp_user_timeout.as_micros()).unwrap()),
        milliseconds(u64::try_from(limits.tls_handshake_timeout.as_micros()).unwrap()),
        milliseconds(u64::try_from(limits.close_timeout.as_micros()).unwrap()),
    ];
    let told: Vec<u64> =
        help.split("[default: ").skip(1).filter_map(|rest| rest.split(']').next()?.parse().ok()).collect();
    assert_eq!(told, numbers);
}
