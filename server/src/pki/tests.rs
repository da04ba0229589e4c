use super::*;
use crate::test_tls::{TempDir, client_config, handshake, server_config};
use std::fs;

const FILES: [&str; 5] = ["ca.key", "ca.pem", "cluster.key", "issuer.key", "issuer.pub"];

#[test]
fn keys_are_made_once_and_loaded_ever_after() {
    let dir = TempDir::new();
    let state = dir.path().join("deep/state");
    let first = ClusterKeys::load_or_create(&state, "dev").unwrap();
    let before: Vec<_> = FILES.map(|file| fs::read(state.join(file)).unwrap()).into();
    let second = ClusterKeys::load_or_create(&state, "dev").unwrap();
    assert_eq!(first.ca_der(), second.ca_der());
    assert_eq!(first.subkey("x"), second.subkey("x"));
    assert_eq!(first.issuer_public_key(), second.issuer_public_key());
    let after: Vec<_> = FILES.map(|file| fs::read(state.join(file)).unwrap()).into();
    assert_eq!(before, after);
}

#[test]
fn a_configuration_says_where_keys_live() {
    let dir = TempDir::new();
    let mut config = Config { cluster: "eu".into(), ..Config::default() };
    let (first, second) =
        (ClusterKeys::configured(&config).unwrap(), ClusterKeys::configured(&config).unwrap());
    assert_eq!(first.cluster(), "eu");
    assert_ne!(first.ca_der(), second.ca_der(), "without a directory every start has keys of its own");
    config.state_dir = Some(dir.path().join("state"));
    let (first, second) =
        (ClusterKeys::configured(&config).unwrap(), ClusterKeys::configured(&config).unwrap());
    assert_eq!(first.ca_der(), second.ca_der());
}

#[cfg(unix)]
#[test]
fn key_files_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new();
    ClusterKeys::load_or_create(dir.path(), "dev").unwrap();
    for file in FILES {
        let mode = fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_directory_without_keys_says_who_makes_them() {
    let dir = TempDir::new();
    let error = ClusterKeys::load(dir.path(), "dev").unwrap_err();
    assert!(matches!(error, PkiError::Absent { .. }), "{error}");
    assert!(error.to_string().contains("sterna serve"), "{error}");
}

#[test]
fn a_missing_file_is_named_and_nothing_is_overwritten() {
    for lost in FILES {
        let dir = TempDir::new();
        ClusterKeys::load_or_create(dir.path(), "dev").unwrap();
        fs::remove_file(dir.path().join(lost)).unwrap();
        let before = dir.contents();
        let error = ClusterKeys::load_or_create(dir.path(), "dev").unwrap_err();
        assert!(matches!(&error, PkiError::HalfPresent { missing, .. } if missing == lost), "{error}");
        assert_eq!(dir.contents(), before);
    }
}

#[test]
fn a_damaged_file_is_named_and_nothing_is_overwritten() {
    for file in FILES {
        let dir = TempDir::new();
        ClusterKeys::load_or_create(dir.path(), "dev").unwrap();
        fs::write(dir.path().join(file), "garbage").unwrap();
        let before = dir.contents();
        let error = ClusterKeys::load_or_create(dir.path(), "dev").unwrap_err();
        assert!(matches!(&error, PkiError::Damaged { path, .. } if path.ends_with(file)), "{file}: {error}");
        assert_eq!(dir.contents(), before);
    }
}

#[test]
fn a_ca_of_another_cluster_or_backup_is_refused() {
    let (dir, other) = (TempDir::new(), TempDir::new());
    ClusterKeys::load_or_create(dir.path(), "dev").unwrap();
    let error = ClusterKeys::load(dir.path(), "prod").unwrap_err();
    assert!(matches!(error, PkiError::Foreign { .. }), "{error}");

    ClusterKeys::load_or_create(other.path(), "dev").unwrap();
    fs::copy(other.path().join("ca.key"), dir.path().join("ca.key")).unwrap();
    let error = ClusterKeys::load(dir.path(), "dev").unwrap_err();
    assert!(matches!(error, PkiError::Foreign { .. }), "{error}");
}

#[test]
fn a_failed_first_start_leaves_nothing_half_written() {
    let dir = TempDir::new();
    let keys = ClusterKeys::generate("dev").unwrap();
    fs::write(dir.path().join("issuer.key"), "of somebody else").unwrap();
    let error = store::create(dir.path(), &keys).unwrap_err();
    assert!(matches!(&error, PkiError::Unwritable { path, .. } if path.ends_with("issuer.key")), "{error}");
    assert_eq!(dir.contents(), [("issuer.key".to_owned(), b"of somebody else".to_vec())]);
}

#[test]
fn nodes_know_each_other_and_clients_know_them() {
    let keys = ClusterKeys::generate("dev").unwrap();
    let (a, b) = (keys.node_identity("node-1").unwrap(), keys.node_identity("node-2").unwrap());
    let mutual = server_config(&keys, &a, true);
    handshake(client_config(&keys, Some(&b)), mutual.clone(), "dev").expect("nodes trust each other");
    handshake(client_config(&keys, None), mutual, "dev").expect_err("a client is no node");
    handshake(client_config(&keys, None), server_config(&keys, &a, false), "dev").expect("a client trusts");
}

#[test]
fn another_clusters_node_is_not_trusted() {
    let (keys, other) = (ClusterKeys::generate("dev").unwrap(), ClusterKeys::generate("dev").unwrap());
    let (node, stranger) = (keys.node_identity("a").unwrap(), other.node_identity("a").unwrap());
    handshake(client_config(&keys, None), server_config(&other, &stranger, false), "dev").unwrap_err();
    handshake(client_config(&keys, Some(&stranger)), server_config(&keys, &node, true), "dev").unwrap_err();
    handshake(client_config(&keys, None), server_config(&keys, &node, false), "prod").unwrap_err();
}

#[test]
fn subkeys_differ_by_label_and_cluster() {
    let (keys, other) = (ClusterKeys::generate("dev").unwrap(), ClusterKeys::generate("dev").unwrap());
    assert_eq!(keys.subkey("tickets"), keys.subkey("tickets"));
    assert_ne!(keys.subkey("tickets"), keys.subkey("seal"));
    assert_ne!(keys.subkey("tickets"), other.subkey("tickets"));
}

#[test]
fn debug_output_holds_no_secret() {
    let keys = ClusterKeys::generate("dev").unwrap();
    assert_eq!(format!("{keys:?}"), "ClusterKeys { cluster: \"dev\", .. }");
}
