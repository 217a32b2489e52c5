//! Rows of `sync_run`.

use sea_orm::entity::prelude::*;

use crate::scope::TenantScoped;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sync_run")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub sync_id: Uuid,
    pub connection_id: Uuid,
    pub stream: String,
    pub mode: String,
    pub state: String,
    pub counts: String,
    pub total: Option<i64>,
    pub since_at: Option<i64>,
    pub window_from: Option<String>,
    pub window_to: Option<String>,
    pub checkpoint: Option<String>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub credential_version: i32,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub sightings_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TenantScoped for Entity {
    const TENANT: Column = Column::TenantId;
}
