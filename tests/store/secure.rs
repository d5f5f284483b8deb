//! TLS on the way to the server: what each `sslmode` takes, and what it refuses.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chat_server::store::postgres::PostgresStore;
use chat_server::store::{OpenError, Store};
use chat_tests::postgres::Postgres;
use nix::unistd::{User, geteuid};

use crate::world::Heard;

fn openssl(folder: &Path, args: &str) -> Option<()> {
    let made = Command::new("openssl")
        .args(args.split_whitespace())
        .current_dir(folder)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
    Some(())
}

/// An authority, a certificate of its for `localhost`, and an authority of somebody else; none without OpenSSL.
fn certificates(folder: &Path) -> Option<[PathBuf; 4]> {
    const AUTHORITY: &str =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    for name in ["ca", "other"] {
        let files = format!("{AUTHORITY} -subj /CN={name} -keyout {name}.key -out {name}.pem");
        openssl(folder, &files)?;
    }
    let of = "-CA ca.pem -CAkey ca.key -keyout server.key -out server.pem";
    let server =
        "-subj /CN=server -addext subjectAltName=DNS:localhost -addext basicConstraints=CA:FALSE";
    openssl(folder, &format!("{AUTHORITY} {of} {server}"))?;
    let key = folder.join("server.key");
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    if geteuid().is_root() {
        // The server runs as this user, and takes no key that others may read.
        let user = User::from_name("postgres").unwrap()?;
        chown(&key, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
    let names = ["ca.pem", "other.pem", "server.pem", "server.key"];
    Some(names.map(|name| folder.join(name)))
}

/// Whether a store that opens there encrypts; or why it does not open.
async fn encrypts(postgres: &Postgres, url: &str) -> Result<bool, OpenError> {
    let store = PostgresStore::open(url, Arc::new(Heard::default())).await?;
    store.ready().await.unwrap();
    let encrypted = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
        WHERE a.application_name = 'chat-server'";
    let encrypted = postgres.sql(encrypted).await == "t";
    store.close().await;
    let gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chat-server'";
    chat_tests::eventually("its connections are gone", async || {
        (postgres.sql(gone).await == "0").then_some(())
    })
    .await;
    Ok(encrypted)
}

#[tokio::test]
async fn c05_the_certificate_of_the_server_is_checked_as_the_url_says() {
    let folder = tempfile::tempdir().unwrap();
    let Some([ca, other, certificate, key]) = certificates(folder.path()) else {
        return chat_tests::skip("store secure", "OpenSSL is not installed");
    };
    let setup = Postgres::setup()
        .set("ssl", "on")
        .set("ssl_cert_file", &certificate.display().to_string())
        .set("ssl_key_file", &key.display().to_string());
    let Some(postgres) = setup.start().await else {
        return chat_tests::skip("store secure", "PostgreSQL is not installed");
    };
    let by_name = postgres.url().replace("127.0.0.1", "localhost");
    let by_number = postgres.url();
    let opened = async |url: &str, mode: &str, authority: Option<&Path>| {
        let authority = authority.map_or(String::new(), |file| {
            format!("&sslrootcert={}", file.display())
        });
        encrypts(&postgres, &format!("{url}?sslmode={mode}{authority}")).await
    };
    for (url, mode, authority) in [
        (&by_name, "require", &ca),
        (&by_name, "verify-full", &ca),
        (&by_number, "verify-ca", &ca),
    ] {
        let encrypts = opened(url, mode, Some(authority)).await;
        assert!(encrypts.unwrap(), "{mode}");
    }
    for (url, mode, authority) in [
        (&by_number, "require", Some(&ca)),
        (&by_number, "verify-full", Some(&ca)),
        (&by_name, "require", Some(&other)),
        (&by_number, "verify-ca", Some(&other)),
        (&by_name, "require", None),
    ] {
        let refused = opened(url, mode, authority.map(PathBuf::as_path)).await;
        let refused = refused.expect_err(mode).to_string();
        assert!(refused.contains("certificate"), "{mode}: {refused}");
    }
    assert!(opened(&by_number, "prefer", None).await.unwrap());
    assert!(!opened(&by_number, "disable", None).await.unwrap());
}
