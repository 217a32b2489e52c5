//! Binding the listener and serving until told to stop.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    pin::Pin,
};

use actix_web::{
    App as ActixApp, HttpServer,
    dev::ServerHandle,
    middleware::{Compress, from_fn},
    web,
};
use gangway_app::App;
use gangway_domain::Code;
use gangway_metrics::http::PROBLEMS;
use utoipa_actix_web::AppExt;

use crate::{Config, document, middleware, quotas::Limiter, routes, site};

/// What handlers and middleware share.
pub(crate) struct State {
    pub(crate) app: App,
    pub(crate) config: Config,
    pub(crate) limiter: Limiter,
}

/// A bound server: it answers once `run` is polled.
pub struct Server {
    /// Where it listens; the port is the real one also when 0 was asked for.
    pub addr: SocketAddr,
    /// Stops it.
    pub handle: Handle,
    /// Serves until stopped.
    pub run: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// Stops a server.
#[derive(Debug, Clone)]
pub struct Handle(ServerHandle);

impl Handle {
    /// Refuses new requests, lets those under way end, and stops.
    pub async fn stop(&self) {
        self.0.stop(true).await;
    }
}

/// Binds the listener.
///
/// # Errors
/// When the address cannot be had.
pub fn bind(app: App, config: Config) -> io::Result<Server> {
    // The first of a kind is seen as an increase.
    for code in Code::ALL {
        PROBLEMS.add(0, [code.as_str()]);
    }
    let listener = TcpListener::bind(config.listen)?;
    let addr = listener.local_addr()?;
    let (workers, client_timeout, shutdown_timeout) = (config.workers, config.client_timeout, config.shutdown_timeout);
    let (keep_alive, connections) = (config.keep_alive, config.connections);
    let document = web::Data::new(site::Document::new(&document::served(config.public_url.as_deref())));
    let state = web::Data::new(State { app, limiter: Limiter::new(&config.quotas), config });
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(state.clone())
            .app_data(document.clone())
            .wrap(from_fn(middleware::frame))
            .wrap(Compress::default())
            .into_utoipa_app()
            .configure(routes::configure)
            .into_app()
            .configure(site::configure)
            .default_service(web::to(site::no_route))
    })
    .workers(workers)
    .disable_signals()
    .client_request_timeout(client_timeout)
    .keep_alive(keep_alive)
    .max_connections(connections)
    .shutdown_timeout(shutdown_timeout.as_secs().max(1))
    .listen(listener)?
    .run();
    let handle = Handle(server.handle());
    Ok(Server { addr, handle, run: Box::pin(server) })
}

/// Binds and serves until `stop` resolves, then lets requests under way end.
///
/// # Errors
/// When the address cannot be had, or the listener breaks.
pub async fn serve(app: App, config: Config, stop: impl Future<Output = ()> + Send) -> io::Result<()> {
    let Server { addr, handle, mut run } = bind(app, config)?;
    tracing::info!(server.address = %addr, "the API listens on {addr}");
    tokio::select! {
        ended = &mut run => return ended,
        () = stop => {}
    }
    let ((), ended) = tokio::join!(handle.stop(), run);
    ended
}
