//! Rows of `sync`.

use sea_orm::entity::prelude::*;

use crate::scope::TenantScoped;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sync")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub connection_id: Uuid,
    pub stream: String,
    pub schedule: Option<String>,
    pub cursor_at: Option<i64>,
    pub first_completed_at: Option<i64>,
    pub next_run_at: Option<i64>,
    pub last_run_id: Option<Uuid>,
    pub kept_by: Option<String>,
    pub api_version: Option<String>,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TenantScoped for Entity {
    const TENANT: Column = Column::TenantId;
}
