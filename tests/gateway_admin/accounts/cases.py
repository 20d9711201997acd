"""Good and bad input about people and tokens, fed to pages and REST alike. Names are those of REST."""

import pytest

GOOD_USERS = [
    {"username": "dora", "role": "viewer"},
    {"username": "dora", "role": "operator"},
    {"username": "d.o+r@a-_1", "role": "admin"},
    {"username": "Đóra", "role": "viewer"},
]
BAD_USERS = [
    pytest.param({"username": "", "role": "viewer"}, "username", id="no name"),
    pytest.param({"username": "a b", "role": "viewer"}, "username", id="a blank"),
    pytest.param({"username": "<b>", "role": "viewer"}, "username", id="markup"),
    pytest.param({"username": "a\nb", "role": "viewer"}, "username", id="a line break"),
    pytest.param({"username": "a\x00", "role": "viewer"}, "username", id="NUL"),
    pytest.param({"username": "x" * 151, "role": "viewer"}, "username", id="a long name"),
    pytest.param({"username": "ALICE", "role": "viewer"}, "username", id="a name that differs in case only"),
    pytest.param({"username": "dora", "role": "root"}, "role", id="an unknown role"),
    pytest.param({"username": "dora", "role": ""}, "role", id="no role"),
]
GOOD_TOKENS = [
    {"name": "ci", "scope": "read"},
    {"name": "ci <b> 'x'", "scope": "admin"},
    {"name": "ci", "scope": "write", "kinds": ["services", "routes"]},
    {"name": "ci", "scope": "read", "kinds": ["config"]},
]
BAD_TOKENS = [
    pytest.param({"name": "", "scope": "read"}, "name", id="no name"),
    pytest.param({"name": "x" * 101, "scope": "read"}, "name", id="a long name"),
    pytest.param({"name": "a\x1b[31m", "scope": "read"}, "name", id="control characters"),
    pytest.param({"name": "ci", "scope": "root"}, "scope", id="an unknown scope"),
    pytest.param({"name": "ci", "scope": ""}, "scope", id="no scope"),
    pytest.param({"name": "ci", "scope": "read", "kinds": ["users"]}, "kinds", id="no kind of entity"),
]
