"""The OpenAPI document: sound in itself, whole, the same everywhere, and true of real requests and answers."""

import json
import re
import subprocess
import urllib.parse

import jsonschema
import pytest
import tables
from people import District
from stack_home import ROOT

# The shape of OpenAPI 3.1 as far as this document uses it.
META = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object", "required": ["openapi", "info", "paths", "components", "security"], "additionalProperties": False,
    "properties": {
        "openapi": {"pattern": r"^3\.1\.\d+$"},
        "info": {"type": "object", "required": ["title", "version", "description"]},
        "security": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "array"}}},
        "paths": {"type": "object", "propertyNames": {"pattern": "^/v1/"}, "additionalProperties": {
            "type": "object", "propertyNames": {"enum": ["get", "post"]}, "additionalProperties": {"$ref": "#/$defs/operation"}}},
        "components": {"type": "object", "required": ["schemas", "parameters", "responses", "securitySchemes"], "properties": {
            "parameters": {"additionalProperties": {"$ref": "#/$defs/parameter"}},
            "responses": {"additionalProperties": {"$ref": "#/$defs/response"}},
            "securitySchemes": {"additionalProperties": {"type": "object", "required": ["type"], "properties": {"type": {"const": "http"}}}}}},
    },
    "$defs": {
        "reference": {"type": "object", "required": ["$ref"], "additionalProperties": False, "properties": {"$ref": {"pattern": "^#/components/"}}},
        "parameter": {"anyOf": [{"$ref": "#/$defs/reference"}, {
            "type": "object", "required": ["name", "in", "required", "schema", "description", "x-description-zh"],
            "properties": {"in": {"enum": ["query", "header", "path"]}, "required": {"type": "boolean"}},
            "if": {"properties": {"in": {"const": "path"}}}, "then": {"properties": {"required": {"const": True}}}}]},
        "content": {"type": "object", "minProperties": 1, "additionalProperties": {"type": "object", "required": ["schema"]}},
        "response": {"anyOf": [{"$ref": "#/$defs/reference"}, {"type": "object", "required": ["description"],
                                                                "properties": {"content": {"$ref": "#/$defs/content"}}}]},
        "operation": {"type": "object", "required": ["operationId", "summary", "x-summary-zh", "parameters", "responses", "x-served-by"], "properties": {
            "parameters": {"type": "array", "items": {"$ref": "#/$defs/parameter"}},
            "requestBody": {"type": "object", "required": ["content"], "properties": {"content": {"$ref": "#/$defs/content"}}},
            "responses": {"type": "object", "propertyNames": {"pattern": "^[2-5]\\d\\d$"}, "additionalProperties": {"$ref": "#/$defs/response"}}}},
    },
}


@pytest.fixture(scope="module")
def document(binaries, tmp_path_factory):
    """As `ztc docs` prints it."""
    directory = tmp_path_factory.mktemp("docs")
    subprocess.run([binaries / "ztc", "docs", "--dir", str(directory)], check=True, capture_output=True)
    return json.loads((directory / "openapi.json").read_text(encoding="utf-8"))


def walk(value):
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


def resolve(document, reference):
    at = document
    for name in reference.removeprefix("#/").split("/"):
        at = at[name]
    return at


def validator(document, schema):
    """A schema of the document, its references looked up there."""
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]})


def schemas_of(document):
    """Every place where a schema stands."""
    yield from document["components"]["schemas"].values()
    for value in walk(document["paths"]):
        if "schema" in value:
            yield value["schema"]


def test_shape(document):
    jsonschema.Draft202012Validator.check_schema(META)
    jsonschema.Draft202012Validator(META).validate(document)


def test_every_reference_leads_somewhere(document):
    references = [value["$ref"] for value in walk(document) if "$ref" in value]
    assert references
    for reference in references:
        assert resolve(document, reference)


def test_every_schema_is_one(document):
    for schema in schemas_of(document):
        jsonschema.Draft202012Validator.check_schema(schema)


def test_operations_are_the_routes(document):
    there = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert there == {(route.method, route.path) for route in tables.ROUTES}
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
    for path, item in document["paths"].items():
        for operation in item.values():
            in_path = [one["name"] for one in operation["parameters"] if one.get("in") == "path"]
            assert in_path == re.findall(r"{(\w+)}", path)


def test_fields_are_the_tables(document):
    """Read by another reader of the .def files: names, bounds, words, what is required."""
    for route in tables.ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        fields = {field.name: field for field in {**tables.COMMANDS, **tables.QUERIES}[route.message]}
        in_path = re.findall(r"{(\w+)}", route.path)
        if route.method == "POST":
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            said, required = schema["properties"], set(schema["required"])
        else:
            listed = [one for one in operation["parameters"] if one.get("in") == "query"]
            said, required = {one["name"]: one["schema"] for one in listed}, {one["name"] for one in listed if one["required"]}
        assert set(said) == set(fields) - set(in_path)
        assert required == {name for name, field in fields.items() if field.required} - set(in_path)
        for name, schema in said.items():
            field = fields[name]
            if field.kind == "int":
                assert (schema["minimum"], schema["maximum"]) == (field.min, field.max)
            if field.kind == "word":
                assert schema["enum"] == field.words
            if field.kind == "text":
                assert (schema["maxLength"], schema.get("minLength", 0)) == (field.max, field.min)
            if field.kind in ("texts", "codes"):
                assert (schema["minItems"], schema["maxItems"]) == (field.min, field.max)


def test_both_servers_and_the_docs_have_the_same(stack, people, document):
    village = people.rest("village", "330212106209")
    for face in ("api", "reports"):
        answer = village.send(face, "GET", "/v1/openapi.json", authorised=False)
        assert answer.status == 200 and answer.headers["Content-Type"] == "application/json" and answer.json == document
    assert json.loads((ROOT / "docs" / "generated" / "openapi.json").read_text(encoding="utf-8")) == document, "make docs"


# --- the contract ------------------------------------------------------------------------------------------------------------------------


class Contract:
    """Sends requests and holds them and their answers against the document."""

    def __init__(self, document):
        self.document, self.seen = document, set()

    def route(self, method, path):
        for pattern, item in self.document["paths"].items():
            if method in item and re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path):
                return item[method], pattern
        raise AssertionError(f"{method} {path} is not in the document")

    def check(self, method, path, body, answer):
        operation, pattern = self.route(method, urllib.parse.urlsplit(path).path)
        if body is not None and answer.status < 300:
            validator(self.document, operation["requestBody"]["content"]["application/json"]["schema"]).validate(body)
        response = operation["responses"][str(answer.status)]
        response = resolve(self.document, response["$ref"]) if "$ref" in response else response
        content = response["content"][answer.headers["Content-Type"]]
        validator(self.document, content["schema"]).validate(answer.json)
        self.seen.add((method.upper(), pattern))
        return answer

    def post(self, client, path, body=None, **options):
        return self.check("post", path, body, client.post(path, body, **options))

    def get(self, client, path, headers=(), **parameters):
        return self.check("get", path, None, client.get(path, headers, **parameters))


def test_contract(document, people):
    """An order's life, all queries, and refusals of every kind, each against its schema."""
    district = District(people, "t-contract")
    village, town, squad = (district.rest(*who) for who in (("village", "village-a"), ("town", "town-a"), ("squad", "squad-a")))
    committee = district.rest("committee", "committee")
    contract = Contract(document)
    begun = contract.post(village, "/v1/orders", {"need": "社保", "squads": ["squad-a"], "urgency": "urgent", "resources": ["会议室"],
                                                  "window_start": "2037-05-01T09:00:00+08:00", "window_end": 2124752400000 + 3600000})
    path = begun.headers["Location"]
    contract.post(town, f"{path}/return", {"reason": "请补充"})
    contract.post(village, f"{path}/resubmit", {"need": "社保", "squads": ["squad-a"]})
    contract.post(town, f"{path}/place", {})
    contract.post(squad, f"{path}/accept", district.window())
    contract.post(squad, f"{path}/check-in")
    contract.post(squad, f"{path}/complete", {"people_served": 5, "items": {"卡": 2}, "outcome": "已办"})
    last = contract.post(village, f"{path}/confirm", {"satisfaction": 5})
    position = {"Ztc-Position": last.headers["Ztc-Position"]}
    for route in tables.ROUTES:
        if route.method == "GET" and "{" not in route.path and route.message not in ("order_show", "queue"):
            contract.get(committee, route.path, position, **({"by": "state"} if route.message == "counts" else {}))
    contract.get(squad, "/v1/queue", position)
    shown = contract.get(village, path, position)
    assert shown.json["state"] == "closed" and len(shown.json["history"]) == shown.json["version"]
    for answer, status in ((contract.post(village, "/v1/orders", {}), 400), (contract.post(squad, "/v1/orders", {"need": "x"}), 403),
                           (contract.get(village, "/v1/orders/999999999999"), 404), (contract.post(village, f"{path}/withdraw"), 409),
                           (contract.post(village, "/v1/orders", {"need": "x", "squads": ["nobody"]}), 422)):
        assert answer.status == status
    assert len(contract.seen) >= 16


def test_the_contract_can_fail(document):
    schema = document["paths"]["/v1/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    for body in ({}, {"need": 7}, {"need": ""}, {"need": "x", "urgency": "sometimes"}, {"need": "x", "squads": ["A B"]}):
        assert not validator(document, schema).is_valid(body)
    history = {"version": 1, "type": "order_placed", "data": {"order": "one"}}
    assert not validator(document, {"$ref": "#/components/schemas/HistoryEntry"}).is_valid(history)
