//! A bus that speaks TLS, with a certificate of an authority that no platform knows.

use std::path::{Path, PathBuf};

use chat_proto::api::Secret;
use chat_server::config::BusSettings;
use chat_tests::Nats;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::world::{Carrier, World};

/// Files of an authority, and of a server on this machine that it vouches for.
struct Files {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

fn files(folder: &Path) -> Files {
    let key_of_authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key_of_authority).unwrap();
    let issuer = Issuer::new(params, key_of_authority);
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let server = CertificateParams::new(names).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    let write = |name: &str, text: String| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    Files {
        authority: write("authority.pem", authority.pem()),
        certificate: write("server.pem", server.pem()),
        key: write("server.key", key.serialize_pem()),
    }
}

pub(crate) async fn by_the_named_authority() {
    let folder = tempfile::tempdir().unwrap();
    let Files {
        authority,
        certificate,
        key,
    } = files(folder.path());
    let (certificate, key) = (certificate.display(), key.display());
    let nats = Nats::setup()
        .user()
        .set(&format!(
            "tls {{ cert_file: \"{certificate}\", key_file: \"{key}\" }}"
        ))
        .start()
        .await;
    let Some(mut w) = World::of("by_the_named_authority", nats.map(Carrier::Nats)) else {
        return;
    };
    let settings = |ca: Option<&PathBuf>| BusSettings {
        url: Secret(w.url().replace("nats://", "tls://")),
        credentials: None,
        ca: ca.cloned(),
    };
    let (trusting, strange) = (settings(Some(&authority)), settings(None));
    let one = w.start_with(trusting.clone()).await.unwrap();
    let other = w.start_with(trusting).await.unwrap();
    one.knows(&other).await;
    other.knows(&one).await;
    let refused = w.start_with(strange).await.err().unwrap().to_string();
    assert!(refused.contains("--bus-ca"), "{refused}");
}
