//! Which paths a pattern means.

/// Whether a path fits: `*` and `{id}` stand for one segment, `**` at the end for any number of them.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let mut path = path.trim_end_matches('/').split('/');
    for wanted in pattern.trim_end_matches('/').split('/') {
        if wanted == "**" {
            return true;
        }
        let is_any = wanted == "*" || (wanted.starts_with('{') && wanted.ends_with('}'));
        match path.next() {
            Some(segment) if is_any || segment == wanted => {}
            _ => return false,
        }
    }
    path.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_named_or_any() {
        let list = "/v1/company/employees";
        for (pattern, path, fits) in [
            (list, list, true),
            (list, "/v1/company/employees/7", false),
            ("/v1/company/employees/{id}", "/v1/company/employees/7", true),
            ("/v1/company/employees/*", "/v1/company/employees/attributes", true),
            ("/v1/company/employees/{id}", list, false),
            ("/v1/company/employees/**", list, true),
            ("/v1/company/employees/**", "/v1/company/employees/7/absences/balance", true),
            ("/v1/**", "/v1/auth", true),
            ("/v1/company/*", "/v1/company/employees/7", false),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }
}
