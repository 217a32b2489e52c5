"""personio-py, a client of version 1 that others wrote, against the sandbox: unchanged but for its base URL."""

import datetime
import logging

from personio_py import Absence, Attendance, DynamicMapping, Personio, PersonioApiError, PersonioError

from ledger import BASE, CLIENT_ID, CLIENT_SECRET, Comparison, ledger

logging.disable(logging.WARNING)
check = Comparison("personio-py")
people = {person["id"]: person for person in ledger("people")}
attributes = ledger("attributes")
types = {one["id"]: one for one in ledger("types")}
absences = {one["id"]: one for one in ledger("absences")}
attendances = {one["id"]: one for one in ledger("attendances")}

PYTHON = {"date": datetime.date, "decimal": float, "integer": int, "tags": list}
custom = [one for one in attributes if one["key"].startswith("dynamic_")]
mappings = [DynamicMapping(int(one["key"][8:]), one["key"], PYTHON.get(one["type"], str)) for one in custom]
personio = Personio(f"{BASE}/v1/", CLIENT_ID, CLIENT_SECRET, dynamic_fields=mappings)


def day(text):
    return text and datetime.date.fromisoformat(text)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def clock(text):
    return text and datetime.timedelta(hours=int(text[:2]), minutes=int(text[3:]))


def plain(value):
    """A nested object of the client's as the ledger has it."""
    return value and {key.rstrip("_"): one for key, one in vars(value).items() if not key.startswith("_")}


DATES = ["hire_date", "contract_end_date", "termination_date", "probation_period_end", "last_working_day"]
TEXTS = ["first_name", "last_name", "email", "gender", "status", "position", "employment_type", "termination_type"]
WEEK = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def compare_person(one):
    told = people[one.id_]
    what = f"employee {one.id_}"
    for name in TEXTS + ["fix_salary", "fix_salary_interval", "hourly_salary"]:
        check.same(f"{what}.{name}", getattr(one, name), told.get(name))
    for name in DATES:
        check.same(f"{what}.{name}", getattr(one, name), day(told.get(name)))
    for name in ["created_at", "last_modified_at"]:
        check.same(f"{what}.{name}", getattr(one, name), moment(told[name]))
    check.same(f"{what}.termination_reason", one.termination_reason or None, told.get("termination_reason"))
    check.same(f"{what}.weekly_working_hours", float(one.weekly_working_hours), float(told["weekly_working_hours"]))
    for name in ["office", "department", "team", "holiday_calendar"]:
        check.same(f"{what}.{name}", plain(getattr(one, name)), told[name])
    # The client takes it for a text and makes one of the vendor's object.
    told_name = told["subcompany"] and told["subcompany"]["name"]
    check.same(f"{what}.subcompany", bool(told_name and told_name in one.subcompany), bool(told_name))
    check.same(f"{what}.cost_centers", [plain(center) for center in one.cost_centers], told["cost_centers"])
    entitled = [{key: value for key, value in row.items() if key != "category"} for row in told["absence_entitlement"]]
    check.same(f"{what}.absence_entitlement", [plain(row) for row in one.absence_entitlement], entitled)
    week = {name: clock(text) if name in WEEK else text for name, text in told["work_schedule"].items()}
    week["valid_from"] = day(week["valid_from"])
    check.same(f"{what}.work_schedule", plain(one.work_schedule), week)
    check.same(f"{what}.supervisor", one.supervisor and one.supervisor.id_, told["supervisor"])
    if one.supervisor and one.supervisor.last_name:
        check.same(f"{what}.supervisor.email", one.supervisor.email, people[told["supervisor"]]["email"])
    for attribute in custom:
        key, shown = attribute["key"], one.dynamic[attribute["key"]]
        value = day(told[key]) if attribute["type"] == "date" else told[key]
        check.same(f"{what}.{key}", shown or None if attribute["type"] == "tags" else shown, value)
    check.same(f"{what}.labels", {raw.label for raw in one.dynamic_raw.values()}, {one["label"] for one in custom})


personio.authenticate()
ids = sorted(people)
check.excepted(
    "all employees in one call",
    len(personio.get_employees()) == 50 < len(people),
    "get_employees never pages, and since 2025-01-31 the vendor answers with 50 (changelog on pagination of employees)",
)
check.same("first page", sorted(one.id_ for one in personio.get_employees()), ids[:50])
for one in personio.get_employees():
    compare_person(one)
for one in ids[50:]:
    compare_person(personio.get_employee(one))
try:
    personio.get_employee(1)
    refusal = "none"
except PersonioError as error:
    refusal = str(error)
check.excepted(
    "the code of a refusal",
    refusal == "Missing Authorization Header in response",
    "the client wants the token back with refusals too, which the vendor says of successful calls only (changelog on bearer tokens)",
)

n_pictures = 0
for one in ids[:20]:
    picture = personio.get_employee_picture(one, width=75)
    n_pictures += picture is not None
    check.same(f"picture of {one}", bool(picture and picture.startswith(b"\x89PNG")), people[one]["has_picture"])
check.same("some have a picture and some have none", 0 < n_pictures < 20, True)

for shown in personio.get_absence_types():
    told = types.pop(shown.id_)
    check.same(f"type {shown.id_}", (shown.name, shown.category), (told["name"], told["category"]))
check.same("types that were not shown", types, {})


def compare_absence(shown, told):
    what = f"absence {told['id']}"
    for name in ["status", "comment", "days_count", "half_day_start", "half_day_end"]:
        check.same(f"{what}.{name}", getattr(shown, name), told[name])
    for name in ["start_date", "end_date"]:
        check.same(f"{what}.{name}", getattr(shown, name), day(told[name]))
    for name in ["created_at", "updated_at"]:
        check.same(f"{what}.{name}", getattr(shown, name), moment(told[name]))
    check.same(f"{what}.certificate", shown.certificate.status, told["certificate"])
    check.same(f"{what}.type", shown.time_off_type.id_, told["time_off_type_id"])
    check.same(f"{what}.employee", shown.employee.id_, told["employee_id"])
    check.same(f"{what}.employee.email", shown.employee.email, people[told["employee_id"]]["email"])


def compare_attendance(shown, told):
    what = f"attendance {told['id']}"
    check.same(f"{what}.employee", shown.employee_id, told["employee_id"])
    check.same(f"{what}.date", shown.date, day(told["date"]))
    for name in ["start_time", "end_time"]:
        check.same(f"{what}.{name}", getattr(shown, name), clock(told[name]))
    check.same(f"{what}.break", shown.break_duration, told["break"])
    check.same(f"{what}.comment", shown.comment or None, told["comment"])


shown = {one.id_: one for one in personio.get_absences(ids)}
check.same("absences", sorted(shown), sorted(absences))
for number, told in absences.items():
    compare_absence(shown[number], told)
compare_absence(personio.get_absence(min(absences)), absences[min(absences)])
first, last = day("2026-01-01"), max(day(one["end_date"]) for one in absences.values())
some = [one["id"] for one in absences.values() if day(one["end_date"]) >= first and one["employee_id"] == ids[0]]
check.same("absences of one in a range", sorted(one.id_ for one in personio.get_absences(ids[0], first, last)), sorted(some))

shown = {one.id_: one for one in personio.get_attendances(ids)}
confirmed = {number: told for number, told in attendances.items() if told["status"] == "confirmed"}
check.same("attendances (those that are pending must be asked for)", sorted(shown), sorted(confirmed))
for number, told in confirmed.items():
    compare_attendance(shown[number], told)
middle = sorted(day(one["date"]) for one in confirmed.values())[len(confirmed) // 2]
some = [number for number, one in confirmed.items() if day(one["date"]) == middle]
check.same("attendances of a day", sorted(one.id_ for one in personio.get_attendances(ids, middle, middle)), sorted(some))

kind = personio.get_absence_types()[0]
person = personio.get_employee(ids[3])
far = datetime.date(2041, 3, 4)
made = Absence(
    client=personio, employee=person, time_off_type=kind, start_date=far, end_date=far + datetime.timedelta(days=1),
    half_day_start=False, half_day_end=True, comment="Reise",
)
made.create()
told = {one["id"]: one for one in ledger("absences")}[made.id_]
compare_absence(personio.get_absence(made.id_), told)
check.same("a made absence", (told["comment"], told["days_count"], told["half_day_end"]), ("Reise", 1.5, True))
made.delete()
check.same("a deleted absence", made.id_ in {one["id"] for one in ledger("absences")}, False)

made = Attendance(
    client=personio, employee_id=ids[3], date=far, start_time="08:00", end_time="12:30", break_duration=15, comment="x"
)
check.same("an attendance is made", personio.create_attendances([made]), True)
told = {one["id"]: one for one in ledger("attendances")}[made.id_]
check.same("a made attendance", (told["start_time"], told["end_time"], told["break"]), ("08:00", "12:30", 15))
compare_attendance(personio.get_attendances(ids[3], far, far)[0], told)
made.end_time = "13:00"
made.update()
told = {one["id"]: one for one in ledger("attendances")}[made.id_]
check.same("a changed attendance", (told["start_time"], told["end_time"]), ("08:00", "13:00"))
made.delete()
check.same("a deleted attendance", made.id_ in {one["id"] for one in ledger("attendances")}, False)

found = personio.search(people[ids[1]]["last_name"], active_only=False)
check.same("somebody searched by name", ids[1] in {one.id_ for one in found}, True)


def refused(call):
    try:
        call()
    except (PersonioApiError, PersonioError):
        return True
    return False


check.excepted(
    "projects", refused(personio.get_projects), "the sandbox has none; the vendor was to end them with attendances on 2026-08-30"
)
check.excepted(
    "creating an employee",
    refused(lambda: personio.create_employee(person)),
    "create_employee is called a placeholder: it sends a form's names as JSON, and what the vendor makes of it is not known",
)
wrong = Personio(f"{BASE}/v1/", CLIENT_ID, "wrong")
check.same("a wrong secret", refused(wrong.authenticate), True)
check.end()
