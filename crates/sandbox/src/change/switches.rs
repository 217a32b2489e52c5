//! Turning switches, changing what a credential may read and ending tokens.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::quirks::Quirks;
use crate::state::State;
use crate::store::Rights;
use crate::v2::Scopes;

use super::{Rejected, fields};

/// What a credential may read from now on; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RightsFields {
    /// May be left out when there is only one credential.
    client_id: Option<String>,
    /// `null` allows everything.
    #[serde(default)]
    whitelist: Whitelist,
    forbid_discovery: Option<bool>,
    /// All that it holds of version 2, as `personio:persons:read`.
    scopes: Option<Scopes>,
}

/// An absent whitelist and a null one differ.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Option<BTreeSet<String>>")]
enum Whitelist {
    #[default]
    AsItIs,
    Everything,
    Only(BTreeSet<String>),
}

impl From<Option<BTreeSet<String>>> for Whitelist {
    fn from(keys: Option<BTreeSet<String>>) -> Self {
        keys.map_or(Self::Everything, Self::Only)
    }
}

impl State {
    /// Sets the switches of a body, with `credentials` and `expire_tokens` beside them. All or nothing.
    pub(crate) fn change_switches(&mut self, body: &Value) -> Result<(), Rejected> {
        let mut switches: Map<String, Value> = fields(body)?.clone();
        let rights: Vec<RightsFields> = match switches.remove("credentials") {
            Some(value) => {
                Vec::deserialize(value).map_err(|error| Rejected::invalid("credentials", error.to_string()))?
            }
            None => Vec::new(),
        };
        let expire = match switches.remove("expire_tokens") {
            None | Some(Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(_) => return Err(Rejected::invalid("expire_tokens", "must be true or false")),
        };
        let mut merged = serde_json::to_value(&self.quirks).unwrap_or_default();
        if let Some(merged) = merged.as_object_mut() {
            merged.extend(switches);
        }
        let quirks: Quirks =
            Quirks::deserialize(merged).map_err(|error| Rejected::invalid("quirks", error.to_string()))?;
        let places: Vec<usize> =
            rights.iter().map(|rights| self.place_of(rights.client_id.as_deref())).collect::<Result<_, _>>()?;
        for (place, rights) in places.into_iter().zip(rights) {
            self.set_rights(place, rights);
        }
        self.views.assign(&self.credentials, &self.world);
        if expire {
            self.tokens.expire_all();
        }
        self.set_quirks(quirks);
        Ok(())
    }

    /// Replaces all switches.
    pub(crate) fn set_quirks(&mut self, quirks: Quirks) {
        if !quirks.shape_employees_like(&self.quirks) {
            self.views.forget_all();
        }
        if quirks != self.quirks {
            self.changes.quirks = Some(quirks.clone());
            self.quirks = quirks;
        }
    }

    /// Changes which attributes a credential may read.
    pub(crate) fn set_whitelist(&mut self, client_id: &str, keys: Option<BTreeSet<String>>) -> Result<(), Rejected> {
        let place = self.place_of(Some(client_id))?;
        self.set_rights(
            place,
            RightsFields { client_id: None, whitelist: keys.into(), forbid_discovery: None, scopes: None },
        );
        self.views.assign(&self.credentials, &self.world);
        Ok(())
    }

    /// Changes what a credential's tokens of version 2 may do.
    pub(crate) fn set_scopes(&mut self, client_id: &str, names: Option<Vec<String>>) -> Result<(), Rejected> {
        let place = self.place_of(Some(client_id))?;
        let scopes = names.map_or(Ok(Scopes::all()), Scopes::try_from);
        let scopes = scopes.map_err(|unknown| Rejected::invalid("scopes", unknown.to_string()))?;
        let whitelist = Whitelist::AsItIs;
        self.set_rights(
            place,
            RightsFields { client_id: None, whitelist, forbid_discovery: None, scopes: Some(scopes) },
        );
        Ok(())
    }

    fn place_of(&self, client_id: Option<&str>) -> Result<usize, Rejected> {
        let found = match client_id {
            Some(id) => self.credentials.iter().position(|credential| credential.client_id == id),
            None => (self.credentials.len() == 1).then_some(0),
        };
        found.ok_or_else(|| Rejected::invalid("client_id", "must name one of the credentials"))
    }

    fn set_rights(&mut self, place: usize, given: RightsFields) {
        let Some(credential) = self.credentials.get_mut(place) else { return };
        match given.whitelist {
            Whitelist::AsItIs => {}
            Whitelist::Everything => credential.whitelist = None,
            Whitelist::Only(keys) => credential.whitelist = Some(keys),
        }
        if let Some(forbid) = given.forbid_discovery {
            credential.forbid_discovery = forbid;
        }
        if let Some(scopes) = given.scopes {
            credential.scopes = scopes;
        }
        let rights = Rights {
            whitelist: credential.whitelist.clone(),
            forbid_discovery: credential.forbid_discovery,
            scopes: credential.scopes,
        };
        self.changes.rights.insert(credential.client_id.clone(), rights);
    }
}
