//! The state directory: which files hold the cluster's keys, and how they are written once.

use super::{ClusterKeys, PkiError};
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const CA_KEY: &str = "ca.key";
const CA: &str = "ca.pem";
const SECRET: &str = "cluster.key";
const ISSUER_KEY: &str = "issuer.key";
const ISSUER_PUBLIC: &str = "issuer.pub";

/// In the order in which they are written: whoever creates the first one creates them all.
const FILES: [&str; 5] = [CA_KEY, CA, SECRET, ISSUER_KEY, ISSUER_PUBLIC];

/// The keys of a directory; `None` if it holds none of the files.
pub(super) fn load(dir: &Path, cluster: &str) -> Result<Option<ClusterKeys>, PkiError> {
    let (mut present, mut missing) = (Vec::new(), Vec::new());
    for file in FILES {
        let path = dir.join(file);
        let exists = path.try_exists().map_err(|error| PkiError::Unreadable { path, error })?;
        if exists { present.push(file) } else { missing.push(file) }
    }
    match (present.is_empty(), missing.is_empty()) {
        (true, _) => return Ok(None),
        (false, true) => {}
        (false, false) => {
            let (present, missing) = (present.join(", "), missing.join(", "));
            return Err(PkiError::HalfPresent { dir: dir.to_owned(), present, missing });
        }
    }
    let ca = read(dir, CA)?;
    let ca = CertificateDer::from_pem_slice(&ca)
        .map_err(|error| damaged(dir, CA, format!("not a PEM certificate ({error})")))?;
    let ca_key = read_key(dir, CA_KEY)?;
    let secret = read(dir, SECRET)?;
    let secret = <[u8; 32]>::try_from(secret.as_slice())
        .map_err(|_| damaged(dir, SECRET, format!("it has {} bytes instead of 32", secret.len())))?;
    let issuer = read_key(dir, ISSUER_KEY)?;
    if issuer.algorithm() != &rcgen::PKCS_ED25519 {
        return Err(damaged(dir, ISSUER_KEY, "not an Ed25519 key".into()));
    }
    if read(dir, ISSUER_PUBLIC)?.trim_ascii() != issuer.public_key_pem().trim().as_bytes() {
        return Err(damaged(dir, ISSUER_PUBLIC, "it is not the public key of issuer.key".into()));
    }
    let keys = ClusterKeys::assemble(cluster, ca, ca_key, secret, issuer);
    keys.verify().map_err(|error| PkiError::Foreign {
        dir: dir.to_owned(),
        cluster: cluster.to_owned(),
        what: error.to_string(),
    })?;
    Ok(Some(keys))
}

/// Writes new keys. Never touches a file that exists.
pub(super) fn create(dir: &Path, keys: &ClusterKeys) -> Result<(), PkiError> {
    create_private_dir(dir).map_err(|error| PkiError::Unwritable { path: dir.to_owned(), error })?;
    let ca = pem_certificate(&keys.ca);
    let ca_key = keys.ca_issuer.key().serialize_pem();
    let issuer = keys.issuer.serialize_pem();
    let issuer_public = keys.issuer.public_key_pem();
    let contents: [&[u8]; 5] =
        [ca_key.as_bytes(), ca.as_bytes(), &keys.secret, issuer.as_bytes(), issuer_public.as_bytes()];
    let mut written = Vec::new();
    for (file, content) in FILES.into_iter().zip(contents) {
        let path = dir.join(file);
        if let Err(error) = write_new(&path, content, &mut written) {
            // A half-written set would have to be removed by hand. Only files of our own making go.
            for own in &written {
                let _ = fs::remove_file(own);
            }
            return Err(PkiError::Unwritable { path, error });
        }
    }
    // So that the names survive a power cut too, not only the contents. (Windows cannot open directories.)
    if cfg!(unix) {
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| PkiError::Unwritable { path: dir.to_owned(), error })?;
    }
    Ok(())
}

fn read(dir: &Path, file: &str) -> Result<Vec<u8>, PkiError> {
    let path = dir.join(file);
    fs::read(&path).map_err(|error| PkiError::Unreadable { path, error })
}

fn read_key(dir: &Path, file: &str) -> Result<KeyPair, PkiError> {
    warn_if_readable_by_others(&dir.join(file));
    let pem = read(dir, file)?;
    let key = std::str::from_utf8(&pem).ok().and_then(|pem| KeyPair::from_pem(pem).ok());
    key.ok_or_else(|| damaged(dir, file, "not a PEM private key".into()))
}

fn damaged(dir: &Path, file: &str, what: String) -> PkiError {
    PkiError::Damaged { path: dir.join(file), what }
}

fn pem_certificate(der: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let text = base64::prelude::BASE64_STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

fn write_new(path: &Path, content: &[u8], written: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    written.push(path.to_owned());
    file.write_all(content)?;
    file.sync_all()
}

fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Only a warning: a mounted secret may be readable by its group on purpose.
fn warn_if_readable_by_others(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o007 != 0 {
            tracing::warn!(path = %path.display(), "a private key is readable by everybody: chmod 600");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}
