//! `GET /v1/employees/{id}/picture`: an image that a browser shows and runs nothing of.

use actix_web::{HttpResponse, get, http::header};
use gangway_app::records::{self, Picture, PictureKind};
use gangway_domain::id::EmployeeId;

use crate::{
    extract::{Authorized, FromParams, Params, PathId, Query, RecordsRead},
    problem::Result,
};

const DEFAULT_WIDTH: u32 = 256;
const MAX_WIDTH: u32 = 1_024;
/// Somebody who looks at a list of people twice does not ask the vendor twice; nobody in between keeps it.
const CACHE_CONTROL: &str = "private, max-age=600";
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; sandbox";

/// How large.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PictureParams {
    /// Width in pixels that the vendor is asked for, 256 when left out.
    #[param(required = false, minimum = 16, maximum = 1024, default = 256, value_type = u32)]
    width: u32,
}

impl FromParams for PictureParams {
    fn from_params(params: &mut Params) -> Self {
        let width = params.parsed("width", "must be a whole number from 16 to 1024", |text| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| text.parse().ok())?.filter(|width| (16..=MAX_WIDTH).contains(width))
        });
        Self { width: width.unwrap_or(DEFAULT_WIDTH) }
    }
}

/// Read an employee's picture
///
/// Asks the vendor each time; a client may keep the answer for ten minutes. The type is told by the image's own first bytes: PNG, JPEG or WebP,
/// nothing else is given on. 404 when there is no picture, or when the key may not see that there is one.
#[utoipa::path(tag = "records", operation_id = "get_employee_picture",
    params(("id" = String, Path, description = "The employee"), PictureParams),
    responses((status = 200, description = "The picture", content(
        (String = "image/png"),
        (String = "image/jpeg"),
        (String = "image/webp"),
    ))))]
#[get("/employees/{id}/picture")]
pub(crate) async fn read(
    who: Authorized<RecordsRead>,
    id: PathId<EmployeeId>,
    query: Query<PictureParams>,
) -> Result<HttpResponse> {
    let Picture { kind, bytes } = records::picture(&who.ctx, id.0, query.0.width).await?;
    let (media_type, ending) = match kind {
        PictureKind::Png => ("image/png", "png"),
        PictureKind::Jpeg => ("image/jpeg", "jpg"),
        PictureKind::WebP => ("image/webp", "webp"),
    };
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::CACHE_CONTROL, CACHE_CONTROL))
        .insert_header((header::VARY, "authorization, gangway-tenant"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::CONTENT_DISPOSITION, format!("inline; filename=\"picture.{ending}\"")))
        .body(bytes))
}
