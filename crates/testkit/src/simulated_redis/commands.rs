//! `redis.call`: the commands that the scripts use, on the keyspace.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use mlua::{Error, IntoLua, Lua, Result, Value as LuaValue, Variadic};

use super::{
    keyspace::{Keyspace, Value},
    locked,
    sorted::Sorted,
};

/// What a command answers.
enum Reply {
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Option<String>>),
}

impl From<Option<String>> for Reply {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Nothing, Self::Text)
    }
}

impl From<bool> for Reply {
    fn from(is: bool) -> Self {
        Self::Number(i64::from(is))
    }
}

impl From<usize> for Reply {
    fn from(n: usize) -> Self {
        Self::Number(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl Reply {
    fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        Self::List(texts.into_iter().map(Some).collect())
    }

    /// Nothing is `false` in scripts.
    fn into_lua(self, lua: &Lua) -> Result<LuaValue> {
        let text = |text: Option<String>| match text {
            Some(text) => text.into_lua(lua),
            None => Ok(LuaValue::Boolean(false)),
        };
        match self {
            Self::Nothing => text(None),
            #[expect(clippy::cast_precision_loss, reason = "counts and milliseconds")]
            Self::Number(number) => Ok(LuaValue::Number(number as f64)),
            Self::Text(one) => text(Some(one)),
            Self::List(many) => {
                let table = lua.create_table()?;
                for one in many {
                    table.push(text(one)?)?;
                }
                Ok(LuaValue::Table(table))
            }
        }
    }
}

/// Gives scripts `redis.call` and `redis.pcall`.
pub(super) fn provide(lua: &Lua, keyspace: &Arc<Mutex<Keyspace>>) -> Result<()> {
    let call = || {
        let keyspace = Arc::clone(keyspace);
        lua.create_function(move |lua, arguments: Variadic<LuaValue>| {
            let arguments = arguments.iter().map(argument).collect::<Result<Vec<_>>>()?;
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let reply = execute(&mut locked(&keyspace), &arguments);
            reply.ok_or_else(|| Error::runtime(format!("this server does not know {arguments:?}")))?.into_lua(lua)
        })
    };
    lua.globals().set("redis", lua.create_table_from([("call", call()?), ("pcall", call()?)])?)
}

/// As Redis hands over what scripts pass.
fn argument(value: &LuaValue) -> Result<String> {
    match value {
        LuaValue::String(text) => Ok(text.to_str()?.to_owned()),
        LuaValue::Integer(number) => Ok(number.to_string()),
        LuaValue::Number(number) => Ok(number.to_string()),
        other => Err(Error::runtime(format!("commands take texts and numbers, no {}", other.type_name()))),
    }
}

fn execute(keyspace: &mut Keyspace, arguments: &[&str]) -> Option<Reply> {
    let (command, rest) = arguments.split_first()?;
    match *command {
        "TIME" => {
            let now = keyspace.now();
            Some(Reply::texts([(now / 1_000_000).to_string(), (now % 1_000_000).to_string()]))
        }
        "INFO" => Some(Reply::Text(format!("# Server\r\nrun_id:{}\r\n", keyspace.run_id()))),
        "PUBLISH" => {
            let [channel, message] = rest else { return None };
            keyspace.publish(channel, message);
            Some(Reply::Number(0))
        }
        "DEL" => rest.first().map(|key| keyspace.remove(key).into()),
        "PTTL" => rest.first().map(|key| Reply::Number(keyspace.left(key))),
        "PEXPIRE" => {
            let [key, milliseconds] = rest else { return None };
            keyspace.end_in(key, milliseconds.parse().ok()?);
            Some(Reply::Number(1))
        }
        "GET" => match keyspace.get(rest.first()?) {
            Some(Value::Text(text)) => Some(Reply::Text(text.clone())),
            None => Some(Reply::Nothing),
            Some(_) => None,
        },
        "SET" => {
            let [key, text, "PX", milliseconds] = rest else { return None };
            keyspace.change(key, || Value::Text(String::new()), |value| *value = Value::Text((*text).to_owned()));
            keyspace.end_in(key, milliseconds.parse().ok()?);
            Some(Reply::Nothing)
        }
        command if command.starts_with('H') => hash(keyspace, command, rest),
        command if command.starts_with('Z') => sorted(keyspace, command, rest),
        command => set(keyspace, command, rest),
    }
}

fn hash(keyspace: &mut Keyspace, command: &str, rest: &[&str]) -> Option<Reply> {
    let (key, rest) = rest.split_first()?;
    if matches!(command, "HGET" | "HMGET" | "HGETALL") {
        let none = HashMap::new();
        let fields = match keyspace.get(key) {
            Some(Value::Hash(fields)) => fields,
            None => &none,
            Some(_) => return None,
        };
        return match command {
            "HGET" => Some(fields.get(*rest.first()?).cloned().into()),
            "HMGET" => Some(Reply::List(rest.iter().map(|field| fields.get(*field).cloned()).collect())),
            _ => Some(Reply::texts(fields.iter().flat_map(|(field, value)| [field.clone(), value.clone()]))),
        };
    }
    keyspace.change(
        key,
        || Value::Hash(HashMap::new()),
        |value| {
            let Value::Hash(fields) = value else { return None };
            match (command, rest) {
                ("HSET", pairs) => {
                    let pairs = pairs.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
                    Some(
                        pairs
                            .filter(|(field, value)| fields.insert((*field).into(), (*value).into()).is_none())
                            .count()
                            .into(),
                    )
                }
                ("HDEL", [field]) => Some(fields.remove(*field).is_some().into()),
                ("HINCRBY", [field, by]) => {
                    let number = fields.get(*field).map_or(Some(0), |text| text.parse::<i64>().ok())?;
                    let number = number + by.parse::<i64>().ok()?;
                    fields.insert((*field).to_owned(), number.to_string());
                    Some(Reply::Number(number))
                }
                _ => None,
            }
        },
    )
}

fn set(keyspace: &mut Keyspace, command: &str, rest: &[&str]) -> Option<Reply> {
    let (key, rest) = rest.split_first()?;
    keyspace.change(
        key,
        || Value::Set(HashSet::new()),
        |value| {
            let Value::Set(members) = value else { return None };
            match (command, rest) {
                ("SADD", [member]) => Some(members.insert((*member).to_owned()).into()),
                ("SREM", [member]) => Some(members.remove(*member).into()),
                ("SCARD", []) => Some(members.len().into()),
                _ => None,
            }
        },
    )
}

fn sorted(keyspace: &mut Keyspace, command: &str, rest: &[&str]) -> Option<Reply> {
    let (key, rest) = rest.split_first()?;
    keyspace.change(
        key,
        || Value::Sorted(Sorted::default()),
        |value| {
            let Value::Sorted(members) = value else { return None };
            match (command, rest) {
                ("ZADD", ["NX", score, member]) => {
                    Some((members.score(member).is_none() && members.set(member, score.parse().ok()?)).into())
                }
                ("ZADD", [score, member]) => Some(members.set(member, score.parse().ok()?).into()),
                ("ZREM", [member]) => Some(members.remove(member).into()),
                ("ZCARD", []) => Some(members.len().into()),
                ("ZSCORE", [member]) => Some(members.score(member).map(|score| score.to_string()).into()),
                ("ZRANGE", [first, last]) => {
                    let range = members.range(first.parse().ok()?, last.parse().ok()?);
                    Some(Reply::texts(range.into_iter().map(|(member, _)| member)))
                }
                ("ZRANGE", [first, last, "WITHSCORES"]) => {
                    let range = members.range(first.parse().ok()?, last.parse().ok()?);
                    Some(Reply::texts(range.into_iter().flat_map(|(member, score)| [member, score.to_string()])))
                }
                ("ZRANGEBYSCORE", ["-inf", most]) => Some(Reply::texts(members.up_to(most.parse().ok()?))),
                ("ZREMRANGEBYSCORE", ["-inf", most]) => {
                    let due = members.up_to(most.parse().ok()?);
                    Some(due.iter().filter(|member| members.remove(member)).count().into())
                }
                _ => None,
            }
        },
    )
}
