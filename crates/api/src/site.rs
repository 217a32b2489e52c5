//! What is served outside `/v1`: health, the reference page with everything it needs, and the page that leads there.

use actix_web::{HttpRequest, HttpResponse, get, http::header, routes, web};
use gangway_domain::Code;
use serde::Serialize;
use utoipa::{ToSchema, openapi::OpenApi};
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    answer, explanation,
    problem::{Problem, Result},
    server::State,
    surface::Surface,
};

/// The OpenAPI document, the routes it names and what they read.
pub(crate) struct Document {
    json: String,
    routes: Vec<(String, Vec<&'static str>)>,
    surface: Surface,
}

impl Document {
    pub(crate) fn new(openapi: &OpenApi) -> Self {
        let routes = openapi.paths.paths.iter().map(|(path, item)| {
            let methods = [
                ("GET", &item.get),
                ("HEAD", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ];
            (path.clone(), methods.into_iter().filter(|(_, found)| found.is_some()).map(|(name, _)| name).collect())
        });
        let routes = routes.collect();
        let json = openapi.to_json().unwrap_or_default();
        let surface = Surface::new(&serde_json::to_value(openapi).unwrap_or_default());
        Self { json, routes, surface }
    }

    /// What each route reads.
    pub(crate) const fn surface(&self) -> &Surface {
        &self.surface
    }

    /// The methods that a path offers, if it is a route.
    fn methods(&self, path: &str) -> Option<String> {
        let (_, methods) = self.routes.iter().find(|(template, _)| fits(template, path))?;
        Some(methods.join(", "))
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(home)
        .service(document_json)
        .service(docs)
        .service(errors)
        .service(error_page)
        .service(SwaggerUi::new("/docs/{_:.*}").config(utoipa_swagger_ui::Config::from("/openapi.json")));
}

/// Whether the process answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthView {
    status: &'static str,
}

/// Liveness
///
/// Answers as long as the process does.
#[utoipa::path(tag = "health", operation_id = "health", responses((status = 200, description = "Alive", body = HealthView)))]
#[get("/healthz")]
pub(crate) async fn health() -> HttpResponse {
    answer::plain(&HealthView { status: "ok" })
}

/// Readiness
///
/// Answers 503 while the database does not answer.
#[utoipa::path(tag = "health", operation_id = "ready", responses((status = 200, description = "Ready", body = HealthView)))]
#[get("/readyz")]
pub(crate) async fn ready(state: web::Data<State>) -> Result<HttpResponse> {
    state.app.db.ping().await.map_err(gangway_app::Error::from)?;
    Ok(answer::plain(&HealthView { status: "ok" }))
}

#[get("/openapi.json")]
async fn document_json(document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document.json.clone())
}

#[get("/docs")]
async fn docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}

#[routes]
#[get("/docs/errors")]
#[get("/docs/errors/")]
async fn errors() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(explanation::errors_html())
}

#[get("/docs/errors/{code}")]
async fn error_page(code: web::Path<String>) -> Result<HttpResponse> {
    let code = Code::parse(&code)
        .ok_or_else(|| Problem::new(Code::RouteNotFound, "There is no such code; `/docs/errors` lists them all."))?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(explanation::code_html(code)))
}

#[get("/")]
async fn home() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(include_str!("home.html"))
}

/// Answers what fits no route: 405 with the methods offered where the path is one, else 404.
pub(crate) async fn no_route(request: HttpRequest, document: web::Data<Document>) -> Result<HttpResponse> {
    match document.methods(request.path()) {
        Some(methods) => {
            let detail = format!("This route offers {methods}.");
            let mut problem = Problem::new(Code::RouteMethodNotAllowed, detail);
            problem.allow = Some(methods);
            Err(problem)
        }
        None => Err(Problem::new(Code::RouteNotFound, "There is no such route; `/docs` lists them all.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_fit_whole_paths() {
        assert!(fits("/v1/syncs/{id}/runs", "/v1/syncs/syn_1/runs"));
        assert!(!fits("/v1/syncs/{id}/runs", "/v1/syncs/syn_1"));
        assert!(!fits("/v1/syncs/{id}", "/v1/syncs/"));
        assert!(!fits("/v1/syncs/{id}", "/v1/syncs/a/b"));
    }
}
