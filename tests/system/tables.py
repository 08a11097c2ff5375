"""The project's .def tables read by Python: what the generated tests expect is computed from these alone, not from what the services answer."""

import collections
import re
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "common" / "events"
DOMAIN = ROOT / "common" / "domain"

NUMBERS = {"INT64_MAX": 2**63 - 1, "INSTANT_ABSENT": None, "COMMAND_ID_MAX": 128, "PART_MAX": 255, "SUBJECT_MAX": 160,
           "REFUSAL_ALLOWED_MAX": 16, "TRACEPARENT_TEXT": 55}

Field = collections.namedtuple("Field", "message kind name required default min max words")
Step = collections.namedtuple("Step", "source command target roles event owner")
AssignmentStep = collections.namedtuple("AssignmentStep", "source command target roles")


def read_clean(path):
    """Without comments, lines that are continued joined."""
    text = re.sub(r"/\*.*?\*/", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return text.replace("\\\n", " ")


def arguments_at(text, start):
    """The arguments of the macro call whose bracket opens at `start`, and where it ends."""
    depth, quoted, current, found = 0, False, "", []
    for at in range(start, len(text)):
        character = text[at]
        if character == '"':
            quoted = not quoted
        if quoted:
            current += character
        elif character == "(":
            depth += 1
            current += character if depth > 1 else ""
        elif character == ")":
            depth -= 1
            if depth == 0:
                return [*found, current.strip()], at + 1
            current += character
        elif character == "," and depth == 1:
            found.append(current.strip())
            current = ""
        else:
            current += character
    raise ValueError("a bracket is not closed")


def calls(text):
    """(macro, arguments) of all calls, in order."""
    at = 0
    while match := re.compile(r"\b([A-Z][A-Z_]*)\s*\(").search(text, at):
        arguments, at = arguments_at(text, match.end() - 1)
        yield match.group(1), arguments


def read_rows(path):
    """The calls of a table, the macros that it defines itself expanded."""
    macros, rows = {}, ""
    for line in read_clean(path).splitlines():
        if define := re.match(r"\s*#\s*define\s+(\w+)\((\w+)\)(.*)", line):
            macros[define.group(1)] = define.group(2), define.group(3)
        elif not line.lstrip().startswith("#"):
            rows += line + "\n"
    for name, arguments in calls(rows):
        if name not in macros:
            yield name, arguments
            continue
        parameter, body = macros[name]
        yield from calls(re.sub(rf"\b{parameter}\b", arguments[0], body))


def number(text):
    return NUMBERS[text] if text in NUMBERS else int(text)


def read_words(name):
    return [arguments[0] for _, arguments in read_rows(DOMAIN / f"{name}.def")]


def read_messages(name, outside=()):
    """{message: [Field]}; `outside` are macros of another table that it uses."""
    found = {}
    for macro, arguments in [*outside, *read_rows(EVENTS / name)]:
        if macro == "MESSAGE":
            found[arguments[0]] = []
        elif macro == "FIELD":
            message, kind, field, _, need, default, low, high = arguments[:8]
            words = None
            if kind.startswith("words_of"):
                vocabulary = kind[len("words_of("):-1].strip("() ")
                words, kind = (["ok", "refused", "retry"] if vocabulary == "answer_status" else read_words(vocabulary)), "word"
            found[message].append(Field(message, kind, field, need == "REQUIRED", number(default), number(low), number(high), words))
    return found


def read_roles(text):
    return frozenset(re.findall(r"MAY\((\w+)\)", text))


COMMANDS = read_messages("commands.def")
QUERIES = read_messages("queries.def")
ENVELOPES = read_messages("envelope.def")
ROLES = read_words("role")
ORDER_STATES = [state for state in read_words("order_state") if state != "none"]
ASSIGNMENT_STATES = [state for state in read_words("assignment_state") if state != "none"]
STEPS = [Step(*arguments[:3], read_roles(arguments[3]), *arguments[4:]) for macro, arguments in read_rows(DOMAIN / "order.def")
         if macro == "STEP"]
ASSIGNMENT_STEPS = [AssignmentStep(*arguments[:3], read_roles(arguments[3]))
                    for macro, arguments in read_rows(DOMAIN / "assignment.def") if macro == "ASSIGNMENT_STEP"]
REFUSAL_KEPT = {arguments[0]: arguments[1] == "1" for _, arguments in read_rows(DOMAIN / "refusal.def")}
# Commands that move an order, and those of them that name one that is there.
ORDER_COMMANDS = list(dict.fromkeys(step.command for step in STEPS if not step.command.startswith("auto_")))
BEGINNINGS = [step.command for step in STEPS if step.source == "none"]
LATER_COMMANDS = [command for command in ORDER_COMMANDS if command not in BEGINNINGS]
# Commands that intake hands on to another service.
HANDED_ON = {arguments[0]: arguments[1] for macro, arguments in read_rows(EVENTS / "owner.def")
             if macro == "COMMAND_OWNER" and arguments[0] in COMMANDS}
DIRECTORY_COMMANDS = [command for command in COMMANDS if command.endswith(("_register", "_revoke")) and command not in HANDED_ON]


Route = collections.namedtuple("Route", "method path message")
ROUTES = [Route("POST" if macro == "COMMAND_ROUTE" else "GET", arguments[0].strip('"'), arguments[1])
          for macro, arguments in read_rows(ROOT / "common" / "edge" / "routes.def")]


def route_of(message, with_order=True):
    """The first route of a message; for one that has two, the one with its order in the path or without."""
    routes = [route for route in ROUTES if route.message == message]
    return next((route for route in routes if ("{order}" in route.path) == with_order), routes[0])


def filled(route, body):
    """(path, body): the path with the fields that stand in it, the body without them."""
    names = re.findall(r"{(\w+)}", route.path)
    path = route.path.format(**{name: urllib.parse.quote(str(body.get(name)), safe="") for name in names})
    return path, {name: value for name, value in body.items() if name not in names}


def step_of(state, command):
    """The first row of a cell, or None: the one of an order of one squad."""
    return next((step for step in STEPS if (step.source, step.command) == (state, command)), None)


def assignment_step_of(state, command):
    return next((step for step in ASSIGNMENT_STEPS if (step.source, step.command) == (state, command)), None)


def roles_of(command):
    """Who may do it in some state."""
    return frozenset().union(*(step.roles for step in STEPS if step.command == command))


# How far the one part of an order of one squad is, in each of the order's states; in the others there is none.
PART_OF_STATE = {"offered": "offered", "scheduled": "accepted", "in_service": "in_service", "completed": "completed", "closed": "completed",
                 "cancelled": "cancelled"}


def legal_in(state, part=None):
    """The commands that are legal in a state, as a refusal names them; those about a part when the part, in this state, may do them."""
    return [command for command in dict.fromkeys(step.command for step in STEPS if step.source == state)
            if not command.startswith("auto_") and may_part(part, command)]


def may_part(part, command):
    """Whether a part in this state (None: there is none) may do a command about parts; any may do the others."""
    return not command.startswith("assignment_") or assignment_step_of(part, command) is not None
