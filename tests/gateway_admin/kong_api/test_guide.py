"""Kong's guide to intelligent load balancing, line by line as its readers type it, with a token beside it."""

TARGET_FIELDS = {"id", "target", "weight", "upstream", "tags", "created_at", "updated_at"}


def test_the_load_balancing_guide_works_to_the_letter(kong):
    assert kong.form("POST", "/services", "name=example_service&host=httpbin.org").status_code == 201
    routed = kong.form("POST", "/services/example_service/routes", "name=example_route&paths[]=/mock")
    assert (routed.status_code, routed.json()["paths"]) == (201, ["/mock"])

    made = kong.form("POST", "/upstreams", "name=example_upstream")
    assert made.status_code == 201
    assert int(made["X-Gateway-Version"]) == 3

    patched = kong.form("PATCH", "/services/example_service", "host=example_upstream")
    assert (patched.status_code, patched.json()["host"]) == (200, "example_upstream")

    for address in ("httpbun.com:80", "httpbin.org:80"):
        added = kong.form("POST", "/upstreams/example_upstream/targets", f"target={address}")
        assert (added.status_code, added.json()["target"]) == (201, address)
        assert added.json().keys() == TARGET_FIELDS
        assert added.json()["upstream"] == {"id": made.json()["id"]}

    listed = kong.get("/upstreams/example_upstream/targets").json()
    assert [target["target"] for target in listed["data"]] == ["httpbin.org:80", "httpbun.com:80"]
    assert listed["next"] is None
