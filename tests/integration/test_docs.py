"""What the documents say is there, is there."""

import re

import pytest

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FLAG = re.compile(r"`(--[a-z][a-z-]*)")


def documents(root):
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def test_links_lead_somewhere(root):
    dead = []
    for page in documents(root):
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                dead.append(f"{page.relative_to(root)}: {target}")
    assert not dead


def test_every_example_is_documented_and_every_example_has_a_test(root):
    index = (root / "docs/README.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in root.glob("tests/integration/test_*.py"))
    for example in [*root.glob("examples/wat/*.wat"), *root.glob("docs/assets/*.wat")]:
        assert example.name in index
        assert example.name in tests
    for folder in root.glob("examples/*/build"):
        assert f"examples/{folder.parent.name}" in index
        assert f'built_examples("{folder.parent.name}")' in tests


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_the_flags_of_the_documents_exist(run, root, page):
    flags = set(FLAG.findall((root / page).read_text(encoding="utf-8")))
    assert flags
    known = "".join(run(command, "--help").out for command in ("run", "python", "transpile"))
    assert not {flag for flag in flags if flag not in known}


def test_every_target_of_the_documents_is_in_the_makefile(root):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in documents(root):
        for target in re.findall(r"(?:`|\$ )make ([a-z][a-z-]*)", page.read_text(encoding="utf-8")):
            assert target in targets, f"{page.name}: make {target}"
