//! `cjson`, as scripts know it: an empty table is an object.

use mlua::{Error, Lua, Result, Table, Value as LuaValue};
use serde_json::{Map, Number, Value};

/// Gives scripts `cjson.decode` and `cjson.encode`.
pub(super) fn provide(lua: &Lua) -> Result<()> {
    let decode = lua.create_function(|lua, text: String| {
        let value: Value = serde_json::from_str(&text).map_err(Error::external)?;
        decoded(lua, &value)
    })?;
    let encode = lua.create_function(|_, value: LuaValue| Ok(encoded(&value)?.to_string()))?;
    lua.globals().set("cjson", lua.create_table_from([("decode", decode), ("encode", encode)])?)
}

fn decoded(lua: &Lua, value: &Value) -> Result<LuaValue> {
    Ok(match value {
        Value::Null => return Err(Error::runtime("no script is asked with null")),
        Value::Bool(is) => LuaValue::Boolean(*is),
        Value::Number(number) => LuaValue::Number(number.as_f64().ok_or_else(|| Error::runtime("no number"))?),
        Value::String(text) => LuaValue::String(lua.create_string(text)?),
        Value::Array(items) => {
            let table = lua.create_table()?;
            for item in items {
                table.push(decoded(lua, item)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Object(members) => {
            let table = lua.create_table()?;
            for (name, member) in members {
                table.set(name.as_str(), decoded(lua, member)?)?;
            }
            LuaValue::Table(table)
        }
    })
}

fn encoded(value: &LuaValue) -> Result<Value> {
    Ok(match value {
        LuaValue::Boolean(is) => Value::Bool(*is),
        LuaValue::Integer(number) => Value::Number((*number).into()),
        LuaValue::Number(number) => Value::Number(numeral(*number)?),
        LuaValue::String(text) => Value::String(text.to_string_lossy()),
        LuaValue::Table(table) if table.raw_len() > 0 => {
            Value::Array(table.sequence_values::<LuaValue>().map(|item| encoded(&item?)).collect::<Result<_>>()?)
        }
        LuaValue::Table(table) => Value::Object(members(table)?),
        other => return Err(Error::runtime(format!("no script answers with {}", other.type_name()))),
    })
}

fn members(table: &Table) -> Result<Map<String, Value>> {
    let member = |pair: Result<(String, LuaValue)>| {
        let (name, value) = pair?;
        Ok((name, encoded(&value)?))
    };
    table.pairs::<String, LuaValue>().map(member).collect()
}

fn numeral(number: f64) -> Result<Number> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole numbers of microseconds are far from the end of the range"
    )]
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return Ok((number as i64).into());
    }
    Number::from_f64(number).ok_or_else(|| Error::runtime("no finite number"))
}
