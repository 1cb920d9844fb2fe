//! The server's secret: given, or in development made once and kept in a file only its owner may read.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use connect_auth::KeyRing;
use connect_core::{OsRandom, Random};

use crate::settings::Settings;

/// The secrets of the settings, or the kept one.
pub(crate) fn key_ring(settings: &Settings) -> anyhow::Result<KeyRing> {
    let older = settings.older_keys.iter().map(|key| key.0.clone().into_bytes()).collect();
    let secret = match &settings.secret_key {
        Some(key) => key.0.clone(),
        None => kept(&settings.data_dir)?,
    };
    Ok(KeyRing::new(secret.into_bytes(), older)?)
}

fn kept(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("secret.key");
    match std::fs::read_to_string(&path) {
        Ok(secret) if secret.trim().len() >= 32 => return Ok(secret.trim().to_owned()),
        Ok(_) => bail!("{} holds no secret key: remove it, and one is made", path.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let bytes: [u8; 32] = (&OsRandom as &dyn Random).bytes();
    let mut secret = String::with_capacity(64);
    for byte in bytes {
        let _ = write!(secret, "{byte:02x}");
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()).with_context(|| format!("{}", path.display()))?;
    Ok(secret)
}
