"""Checks recorded answers against botocore's service models.

Reads one JSON object per line: {service, operation, status, contentType, body, errorType}. Prints one problem per line.
Exit code 0 when there is none, 1 when there are some, 3 when botocore is not installed.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

try:
    import botocore.session
except ImportError:
    sys.exit(3)

COMMON_ERRORS = {
    "AccessDenied", "AccessDeniedException", "ExpiredTokenException", "ForbiddenException", "InvalidSignatureException",
    "SerializationException", "ThrottlingException", "UnknownOperationException", "UnrecognizedClientException",
    "ValidationError", "ValidationException", "InvalidAction", "SignatureDoesNotMatch", "InvalidParameterValue",
}


def check(shape, value, where):
    if value is None:
        yield f"{where}: null where the model has {shape.type_name}"
        return
    kind = shape.type_name
    if kind == "structure":
        yield from check_structure(shape, value, where)
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{where}: not a list"
            return
        for index, item in enumerate(value):
            yield from check(shape.member, item, f"{where}[{index}]")
    elif kind == "map":
        for key, item in value.items():
            yield from check(shape.value, item, f"{where}.{key}")
    else:
        yield from check_scalar(shape, value, where)


def check_structure(shape, value, where):
    if not isinstance(value, dict):
        yield f"{where}: not a structure"
        return
    for name in shape.required_members:
        if name not in value:
            yield f"{where}.{name}: required, but missing"
    known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    for name, item in value.items():
        if name not in known:
            yield f"{where}.{name}: not in the model"
        else:
            yield from check(known[name], item, f"{where}.{name}")


def check_scalar(shape, value, where):
    kind = shape.type_name
    types = {"string": str, "blob": str, "boolean": bool, "integer": int, "long": int, "timestamp": (int, float, str)}
    if not isinstance(value, types.get(kind, object)) or (kind != "boolean" and isinstance(value, bool)):
        yield f"{where}: {value!r} is not a {kind}"
        return
    if kind != "string":
        return
    limits = shape.metadata
    if "enum" in limits and value not in limits["enum"]:
        yield f"{where}: {value!r} is not one of {limits['enum']}"
    if len(value) < limits.get("min", 0) or len(value) > limits.get("max", sys.maxsize):
        yield f"{where}: {len(value)} characters, the model allows {limits.get('min')} to {limits.get('max')}"
    pattern = limits.get("pattern")
    if pattern and "\\p{" not in pattern and not re.fullmatch(pattern, value):
        yield f"{where}: {value!r} does not match {pattern}"


def from_xml(shape, node):
    """Turns XML into what `check` takes, by the model's own element names."""
    kind = shape.type_name
    if kind == "structure":
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        return {
            local(child): from_xml(members[local(child)], child) if local(child) in members else (child.text or "")
            for child in node
        }
    if kind == "list":
        wanted = shape.member.serialization.get("name", "member")
        wrong = [local(child) for child in node if local(child) != wanted]
        return f"items named {wrong[0]}, not {wanted}" if wrong else [from_xml(shape.member, child) for child in node]
    text = node.text or ""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind in ("integer", "long"):
        return int(text)
    return text


def local(node):
    return node.tag.split("}")[-1]


def namespace(node):
    return node.tag[1:].split("}")[0] if node.tag.startswith("{") else ""


def check_answer(model, record):
    operation = model.operation_model(record["operation"])
    where = f"{record['service']}.{record['operation']}"
    if record["status"] >= 300:
        yield from check_error(operation, record, where)
        return
    shape = operation.output_shape
    if model.metadata["protocol"] == "query":
        root = ElementTree.fromstring(record["body"])
        if namespace(root) != model.metadata["xmlNamespace"]:
            yield f"{where}: namespace {namespace(root)}"
        result = next((child for child in root if local(child) == f"{record['operation']}Result"), None)
        if result is None and shape is not None:
            yield f"{where}: no {record['operation']}Result"
        elif result is not None:
            yield from check(shape, from_xml(shape, result), where)
    elif shape is not None:
        yield from check(shape, json.loads(record["body"]), where)


def check_error(operation, record, where):
    code = record["errorType"]
    modelled = {shape.metadata.get("error", {}).get("code", shape.name): shape for shape in operation.error_shapes}
    if code not in modelled:
        if code not in COMMON_ERRORS:
            yield f"{where}: the error {code} is neither modelled nor common"
        return
    shape = modelled[code]
    status = shape.metadata.get("error", {}).get("httpStatusCode")
    if status is not None and status != record["status"]:
        yield f"{where}: {code} has status {record['status']}, the model says {status}"
    if record["contentType"] != "text/xml":
        body = json.loads(record["body"])
        body.pop("__type", None)
        names = {name.lower() for name in shape.members} | {"message"}
        for name in body:
            if name.lower() not in names:
                yield f"{where}: {code}.{name} is not in the model"


def main():
    session = botocore.session.get_session()
    models = {}
    problems = []
    for line in sys.stdin:
        record = json.loads(line)
        name = record["service"]
        if name not in models:
            models[name] = session.get_service_model(name)
        problems.extend(check_answer(models[name], record))
    print("\n".join(dict.fromkeys(problems)))
    sys.exit(1 if problems else 0)


main()
