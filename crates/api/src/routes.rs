//! Every route, once. What is listed here is served and is in the OpenAPI document.

use actix_web::{middleware::from_fn, web};
use utoipa_actix_web::{scope, service_config::ServiceConfig};

use crate::{
    absences, attendances, audit, connections, connectors, employees, events, held, jobs, keys, middleware, picture,
    settings, site, sync_runs, syncs, tenants,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    let v1 = scope("/v1")
        .service(tenants::create)
        .service(tenants::list)
        .service(tenants::read)
        .service(tenants::update)
        .service(keys::create)
        .service(keys::list)
        .service(keys::read)
        .service(keys::revoke)
        .service(connectors::list)
        .service(connectors::read)
        .service(connections::create::create)
        .service(connections::list)
        .service(connections::read)
        .service(connections::update)
        .service(connections::remove)
        .service(connections::credential::put)
        .service(connections::check::check)
        .service(connections::discover::discover)
        .service(connections::resume::resume)
        .service(connections::attributes::list)
        .service(connections::attributes::choose)
        .service(connections::mapping::read)
        .service(connections::mapping::put)
        .service(connections::mapping_preview::show)
        .service(connections::budget::read)
        .service(connections::proxy::proxy)
        .service(syncs::create)
        .service(syncs::list)
        .service(syncs::read)
        .service(syncs::update)
        .service(syncs::remove)
        .service(syncs::start)
        .service(syncs::list_runs)
        .service(held::read)
        .service(held::release)
        .service(held::refuse)
        .service(sync_runs::read)
        .service(employees::list)
        .service(employees::read)
        .service(picture::read)
        .service(employees::history)
        .service(absences::list)
        .service(absences::read)
        .service(attendances::list)
        .service(attendances::read)
        .service(events::list)
        .service(settings::read)
        .service(settings::update)
        .service(audit::list)
        .service(audit::verify)
        .service(jobs::list)
        .service(jobs::read)
        .service(jobs::retry)
        .default_service(web::to(site::no_route))
        .wrap(from_fn(middleware::authenticate));
    config.service(site::health).service(site::ready).service(v1);
}
