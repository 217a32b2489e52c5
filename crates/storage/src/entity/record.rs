//! Rows of `record`.

use sea_orm::entity::prelude::*;

use crate::scope::TenantScoped;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "record")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub connection_id: Uuid,
    pub stream: String,
    pub source: String,
    pub external_id: String,
    pub employee_external_id: Option<String>,
    pub email: Option<String>,
    pub status: Option<String>,
    pub starts_on: Option<String>,
    pub ends_on: Option<String>,
    pub fields: String,
    pub attributes: String,
    pub stale: String,
    pub hash: Vec<u8>,
    pub kept_by: String,
    pub mapped_by: i64,
    pub state: String,
    pub version: i64,
    pub first_seen_at: i64,
    pub first_seen_run_id: Uuid,
    pub changed_at: i64,
    pub deleted_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TenantScoped for Entity {
    const TENANT: Column = Column::TenantId;
}
