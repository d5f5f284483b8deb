//! Opens a stream to a server: TCP, and TLS over it for `https`. Certificates are read only when they are needed.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::address::{Scheme, ServerUrl};
use crate::clock::Deadline;

/// A stream of bytes to the server, in the clear or not.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Why there is no stream. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// No host, no route, nobody listens.
    #[error("could not connect to {server}: {why}")]
    Connect {
        /// Where to.
        server: ServerUrl,
        /// In the system's words.
        why: String,
    },
    /// Nobody answered in time.
    #[error("could not connect to {0} in time")]
    TimedOut(ServerUrl),
    /// The server could not prove who it is, or speaks no TLS.
    #[error("could not make a secure connection to {server}: {why}")]
    Tls {
        /// Where to.
        server: ServerUrl,
        /// In the library's words.
        why: String,
    },
}

/// Connects to one server.
#[derive(Clone)]
pub struct Dialer {
    server: ServerUrl,
    tls: Option<TlsConnector>,
}

impl Dialer {
    /// Connects to `server`.
    #[must_use]
    pub const fn new(server: ServerUrl) -> Self {
        Self { server, tls: None }
    }

    /// Which server.
    #[must_use]
    pub const fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// [`DialError`]; nothing was sent then.
    pub async fn dial(&mut self, deadline: Deadline) -> Result<Box<dyn Stream>, DialError> {
        let tcp = self.connect(deadline).await?;
        match self.server.scheme() {
            Scheme::Http => Ok(Box::new(tcp)),
            Scheme::Https => self.secure(tcp, deadline).await,
        }
    }

    async fn connect(&self, deadline: Deadline) -> Result<TcpStream, DialError> {
        let address = (self.server.host(), self.server.port());
        let failed = |error: std::io::Error| DialError::Connect {
            server: self.server.clone(),
            why: error.to_string(),
        };
        let tcp = timeout_at(deadline, TcpStream::connect(address))
            .await
            .map_err(|_| DialError::TimedOut(self.server.clone()))?
            .map_err(failed)?;
        // A request is one small write; waiting for more of it would only delay it.
        tcp.set_nodelay(true).map_err(failed)?;
        Ok(tcp)
    }

    async fn secure(
        &mut self,
        tcp: TcpStream,
        deadline: Deadline,
    ) -> Result<Box<dyn Stream>, DialError> {
        let server = self.server.clone();
        let failed = |why: String| DialError::Tls {
            server: server.clone(),
            why,
        };
        let connector = match &self.tls {
            Some(connector) => connector.clone(),
            None => self.tls.insert(connector().map_err(failed)?).clone(),
        };
        let name = ServerName::try_from(self.server.host().to_owned())
            .map_err(|_| failed("the host is no name that a certificate could hold".to_owned()))?;
        let tls = timeout_at(deadline, connector.connect(name, tcp))
            .await
            .map_err(|_| DialError::TimedOut(self.server.clone()))?
            .map_err(|error| failed(error.to_string()))?;
        Ok(Box::new(tls))
    }
}

/// TLS 1.2 and 1.3 on ring, with the platform's roots.
fn connector() -> Result<TlsConnector, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = rustls::RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err("this system has no certificates of authorities to check against".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
