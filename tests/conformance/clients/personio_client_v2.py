"""personio-client, a client of version 2 that others wrote, against the sandbox: unchanged but for its base URL."""

import asyncio
import datetime

from personio_client import PersonioAPIError, PersonioAuthenticationError, PersonioClient

from ledger import BASE, CLIENT_ID, CLIENT_SECRET, Comparison, ledger

check = Comparison("personio-client")
people = {str(person["id"]): person for person in ledger("people")}
attributes = {one["key"]: one for one in ledger("attributes")}


def day(text):
    return text and datetime.date.fromisoformat(text)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def name(value):
    return getattr(value, "value", value)


def plain(told, kind):
    """A value of the ledger as version 2 writes those of custom attributes: as text."""
    if told is None or isinstance(told, str):
        return told
    return ",".join(told) if kind == "tags" else str(told)


def compare_person(one):
    told = people[one.id]
    what = f"person {one.id}"
    for field in ["email", "first_name", "last_name", "preferred_name"]:
        check.same(f"{what}.{field}", getattr(one, field), told[field])
    check.same(f"{what}.gender", name(one.gender), (told["gender"] or "unspecified").upper())
    check.same(f"{what}.status", name(one.status), "INACTIVE" if told["status"] == "inactive" else "ACTIVE")
    check.same(f"{what}.created_at", one.created_at, moment(told["created_at"]))
    check.same(f"{what}.updated_at", one.updated_at, moment(told["last_modified_at"]))
    shown = {custom.id: custom for custom in one.custom_attributes}
    keys = [key for key in told if key.startswith("dynamic_")]
    check.same(f"{what}.custom_attributes", sorted(shown), sorted(keys))
    for key in keys:
        attribute = attributes[key]
        check.same(f"{what}.{key}", name(getattr(shown[key].value, "root", shown[key].value)), plain(told[key], attribute["type"]))
        check.same(f"{what}.{key}.global_id", shown[key].global_id, attribute["universal_id"])


def compare_employment(person, one):
    told = people[person]
    what = f"employment of {person}"
    check.same(f"{what}.person", one.person.id, person)
    check.same(f"{what}.status", name(one.status), told["status"].upper())
    check.same(f"{what}.hours", float(one.weekly_working_hours), float(told["weekly_working_hours"]))
    for field, key in [
        ("employment_start_date", "hire_date"),
        ("employment_end_date", "termination_date"),
        ("contract_end_date", "contract_end_date"),
        ("probation_end_date", "probation_period_end"),
    ]:
        shown = getattr(one, field)
        check.same(f"{what}.{field}", day(shown) if isinstance(shown, str) else shown, day(told.get(key)))
    check.same(f"{what}.position", one.position and one.position.title, told["position"])
    check.same(f"{what}.supervisor", one.supervisor and one.supervisor.id, told["supervisor"] and str(told["supervisor"]))
    for field, key in [("office", "office"), ("legal_entity", "subcompany")]:
        unit = getattr(one, field)
        check.same(f"{what}.{field}", unit and unit.id, told[key] and str(told[key]["id"]))
    units = {(name(unit.type), unit.id) for unit in one.org_units}
    wanted = {(kind, str(told[kind]["id"])) for kind in ["team", "department"] if told[kind]}
    check.same(f"{what}.org_units", units, wanted)
    shares = [(share.id, share.weight) for share in one.cost_centers]
    check.same(f"{what}.cost_centers", shares, [(str(one["id"]), one["percentage"]) for one in told["cost_centers"]])
    ended = one.termination
    check.same(f"{what}.termination", ended and ended.termination_date, day(told.get("termination_date")))
    if ended:
        check.same(f"{what}.last_working_day", ended.last_working_day, day(told["last_working_day"]))
        check.same(f"{what}.reason", ended.reason, told["termination_reason"])


async def status_of(call):
    try:
        await call
    except (PersonioAPIError, PersonioAuthenticationError) as error:
        return error.status_code
    return 200


async def main():
    async with PersonioClient(CLIENT_ID, CLIENT_SECRET, base_url=BASE, app_id="CONFORMANCE") as personio:
        token = await personio.obtain_access_token(scope=["personio:persons:read"])
        check.same("token", (name(token.token_type), token.scope, token.expires_in), ("Bearer", "personio:persons:read", 86400))
        persons = [one async for one in personio.iter_persons()]
        check.same("persons", [one.id for one in persons], sorted(people, key=int))
        for one in persons:
            compare_person(one)
        check.same("persons, ten at a time", len((await personio.get_persons()).data), 10)
        check.same("pages of 7", [one.id async for one in personio.iter_persons(limit=7)], [one.id for one in persons])
        for status in ["ACTIVE", "INACTIVE"]:
            shown = [one.id async for one in personio.iter_persons(status=status, limit=5)]
            check.same(f"persons who are {status}", shown, [one.id for one in persons if name(one.status) == status])
        since = sorted(one.updated_at for one in persons)[len(persons) // 2]
        shown = [one.id async for one in personio.iter_persons(updated_at_gt=since, limit=5)]
        check.same("persons changed since", shown, [one.id for one in persons if one.updated_at > since])
        two = [persons[2], persons[4]]
        shown = await personio.get_persons(id=[one.id for one in two])
        check.same("persons by id", [one.id for one in shown.data], [one.id for one in two])
        shown = await personio.get_persons(email=[one.email for one in two])
        check.same("persons by address", [one.id for one in shown.data], [one.id for one in two])
        for one in persons[:30]:
            compare_person(await personio.get_person(one.id))
            shown = [employment async for employment in personio.iter_employments(one.id)]
            check.same(f"employments of {one.id}", [one.id for one in one.employments], [one.id for one in shown])
            compare_employment(one.id, shown[0])
            compare_employment(one.id, await personio.get_employment(one.id, shown[0].id))
        for one in persons[30:]:
            compare_employment(one.id, (await personio.get_employments(one.id)).data[0])
        check.same("nobody", await status_of(personio.get_person("1")), 404)
        check.same("an employment of somebody else", await status_of(personio.get_employment(persons[0].id, shown[0].id)), 404)
        check.same("a page that is too large", await status_of(personio.get_persons(limit=100)), 400)
        check.same("an unknown scope", await status_of(personio.obtain_access_token(scope=["nothing"])), 400)
    async with PersonioClient(CLIENT_ID, "wrong", base_url=BASE) as personio:
        check.same("a wrong secret", await status_of(personio.get_persons()), 400)


asyncio.run(main())
check.end()
