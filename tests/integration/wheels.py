"""Wheels that tests make."""

import zipfile


def make_wheel(folder, name="pretty_table", version="1.2", files=None, purelib="true", tags="py3-none-any"):
    """A wheel as build tools make it, with a module of one function."""
    files = files if files is not None else {
        f"{name}/__init__.py": "from .core import shout\n",
        f"{name}/core.py": "def shout(text):\n    return text.upper() + '!'\n",
        f"{name}/data.txt": "some data\n",
    }
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: {purelib}\nTag: {tags}\n",
        f"{info}/RECORD": "",
    }
    path = folder / f"{name}-{version}-{tags}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return path
