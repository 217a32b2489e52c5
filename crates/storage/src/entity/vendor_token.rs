//! Rows of `vendor_token`.

use sea_orm::entity::prelude::*;

use crate::scope::TenantScoped;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vendor_token")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub credential_id: Uuid,
    pub sealed: Option<Vec<u8>>,
    pub expires_at: Option<i64>,
    pub obtained_at: Option<i64>,
    pub lease_owner: Option<Uuid>,
    pub lease_until: Option<i64>,
    pub attempted_at: Option<i64>,
    pub last_error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TenantScoped for Entity {
    const TENANT: Column = Column::TenantId;
}
