"""The OCI provider's schema, as far as infra/ uses it, read from the types of PyPI's pulumi-oci.

    oci_schema.py INFRA SCHEMA.json

That package is generated from the Terraform provider, so the keywords of its classes are the provider's attributes,
with their types and whether they are required. Only its text is read. Where the two differ, a table below says so.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILES = {"oci_budget_alert_rule": ("budget", "rule")}
RENAMED = {
    "async_": "async",
    "client_cidr_block_allow_lists": "client_cidr_block_allow_list",
    "filters": "filter",
    "plugins_configs": "plugins_config",
}
# Pulumi makes up a name where none is given, and fills in what a data source cannot do without.
REQUIRED = {
    "oci_identity_dynamic_group": {"name"},
    "oci_identity_policy": {"name"},
    "oci_ons_notification_topic": {"name"},
    "data.oci_core_images": {"compartment_id"},
}
SCALARS = {"str": "string", "int": "number", "float": "number", "bool": "bool"}


def main() -> None:
    infra, target = map(Path, sys.argv[1:])
    text = "\n".join(path.read_text() for path in sorted(infra.glob("*.tf")))
    used = {kind: sorted(set(re.findall(rf'^{kind} "(oci_\w+)"', text, re.MULTILINE))) for kind in ("resource", "data")}
    schema = {
        "resource": {name: resource(name) for name in used["resource"]},
        "data": {name: data_source(name) for name in used["data"]},
    }
    target.write_text(json.dumps(schema, indent=1, sort_keys=True))


def place(name: str) -> tuple[str, str]:
    """oci_core_vcn -> core, vcn."""
    service, _, what = name.removeprefix("oci_").partition("_")
    return FILES.get(name, (service, what))


@functools.cache
def module(service: str, file: str) -> ast.Module:
    for found in importlib.metadata.files("pulumi-oci") or ():
        if str(found) == f"pulumi_oci/{service}/{file}.py":
            return ast.parse(found.read_text())
    sys.exit(f"pulumi-oci has no {service}/{file}.py: the provider has no such type, or it stands in another file.")


@functools.cache
def classes(service: str, file: str) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in module(service, file).body if isinstance(node, ast.ClassDef)}


def keywords(cls: ast.ClassDef) -> Iterator[tuple[str, ast.expr, bool]]:
    """Name, type and whether it is required, of each argument of a class."""
    init = next(node for node in cls.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        assert argument.annotation
        yield RENAMED.get(argument.arg, argument.arg), argument.annotation, default is None


def resource(name: str) -> dict[str, Any]:
    service, file = place(name)
    here = classes(service, file)
    inputs = next(cls for label, cls in here.items() if label.endswith("Args"))
    state = next(cls for label, cls in here.items() if label.startswith("_") and label.endswith("State"))
    found = block(service, inputs)
    for required in REQUIRED.get(name, ()):
        found["attributes"][required] |= {"required": True, "optional": False, "computed": False}
    for attribute, annotation, _ in keywords(state):
        if attribute not in found["attributes"] and attribute not in found["blocks"]:
            found["attributes"][attribute] = computed(service, annotation)
    found["attributes"]["id"] = {"type": "string", "required": False, "optional": True, "computed": True}
    return found


def block(service: str, cls: ast.ClassDef) -> dict[str, Any]:
    found: dict[str, Any] = {"attributes": {}, "blocks": {}}
    for name, annotation, required in keywords(cls):
        kind, nested, many = read(annotation)
        if nested:
            inner = classes(service, "_inputs")[nested]
            limits = {"min": int(required), "max": 0 if many else 1}
            found["blocks"][name] = {**limits, "block": block(service, inner)}
        else:
            found["attributes"][name] = {
                "type": kind,
                "required": required,
                "optional": not required,
                "computed": not required,
            }
    return found


def data_source(name: str) -> dict[str, Any]:
    service, what = place(name)
    file = f"get_{what}"
    tree = module(service, file)
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == file)
    arguments = {argument.arg: argument.annotation for argument in function.args.args if argument.arg != "opts"}
    result = next(cls for label, cls in classes(service, file).items() if label.endswith("Result"))
    found: dict[str, Any] = {"attributes": {}, "blocks": {}}
    for raw, annotation in arguments.items():
        argument = RENAMED.get(raw, raw)
        assert annotation
        kind, nested, _ = read(annotation)
        required = argument in REQUIRED.get(f"data.{name}", ())
        if nested:
            inner = classes(service, "_inputs")
            fields = block(service, inner.get(nested) or inner[nested.replace("Args", "ArgsDict")])
            found["blocks"][argument] = {"min": 0, "max": 0, "block": fields}
        else:
            found["attributes"][argument] = {
                "type": kind,
                "required": required,
                "optional": not required,
                "computed": False,
            }
    for attribute, annotation in properties(result):
        if attribute not in found["attributes"] and RENAMED.get(attribute, attribute) not in found["blocks"]:
            found["attributes"][attribute] = computed(service, annotation)
    return found


def properties(cls: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list and node.returns:
            yield node.name, node.returns


def computed(service: str, annotation: ast.expr) -> dict[str, Any]:
    return {"type": output(service, annotation), "required": False, "optional": False, "computed": True}


def output(service: str, annotation: ast.expr) -> Any:  # noqa: ANN401  (cty's own notation in JSON: text or a list)
    kind, nested, _ = read(annotation)
    if not nested:
        return kind
    # What a resource shows of itself is typed by what goes in; what a data source shows, by what comes out.
    if nested in classes(service, "outputs"):
        fields = {name: output(service, inner) for name, inner in properties(classes(service, "outputs")[nested])}
    else:
        fields = {name: output(service, inner) for name, inner, _ in keywords(classes(service, "_inputs")[nested])}
    return ["list", ["object", fields]]


def read(annotation: ast.expr) -> tuple[Any, str, bool]:  # noqa: PLR0911  one way a kind of type
    """The type in cty's notation, or the name of a nested class and whether there may be several."""
    match annotation:
        case ast.Constant(value=str(name)):
            return None, name.removeprefix("outputs."), False
        case ast.Attribute(attr="Any") | ast.Name(id="Any"):
            return "dynamic", "", False
        case ast.Attribute(attr=name) if name in SCALARS:
            return SCALARS[name], "", False
        case ast.Subscript(value=outer, slice=inner):
            match ast.unparse(outer).rpartition(".")[2]:
                case "Sequence":
                    kind, nested, _ = read(inner)
                    return (None, nested, True) if nested else (["list", kind], "", False)
                case "Mapping":
                    assert isinstance(inner, ast.Tuple)
                    return ["map", read(inner.elts[1])[0]], "", False
                case "Union":
                    assert isinstance(inner, ast.Tuple)
                    return read(inner.elts[0])
                case _:  # Input, Optional, Output, Awaitable
                    return read(inner)
    sys.exit(f"A type of pulumi-oci that is not understood: {ast.unparse(annotation)}")


if __name__ == "__main__":
    main()
