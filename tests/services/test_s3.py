from __future__ import annotations

import base64
import hashlib
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.services.blocks import BLOCK, blocks
from emulator.services.messages import BLOCK_SIZE
from emulator.services.options import OptionError, Options
from emulator.services.s3 import S3
from emulator.services.s3_address import Location, locate
from emulator.services.s3_buckets import buckets_of
from emulator.services.s3_conditions import byte_range
from emulator.services.s3_errors import S3Error
from emulator.services.s3_listing import list_keys
from emulator.services.s3_objects import PART_SIZE, GeneratedContent, StoredContent
from emulator.services.s3_payload import LARGEST_PUT
from tests.services.harness import Client, ask, run

TEN_MB = 10_000_000
DOCUMENT = {
    "training": {
        "objects": {
            "big.bin": {"size": TEN_MB},
            "hello.txt": {"content": "hello", "content_type": "text/plain"},
            "dir/a b": {"content": ""},
            "dir/c": {"content": "x"},
        }
    },
    "empty": {},
}


@pytest.fixture
def s3():
    return S3("com.amazonaws.us-east-1.s3", "us-east-1", buckets_of(Options(DOCUMENT), "us-east-1"))


def code(content):
    return ET.fromstring(content).findtext("Code")  # noqa: S314 - our own


def test_an_object_is_read_with_its_facts(s3):
    status, headers, content = run(s3, ask("GET", "/training/hello.txt"))
    assert (status, content) == (200, b"hello")
    assert headers["etag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'  # noqa: S324 - an ETag
    assert headers["last-modified"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    assert (headers["content-type"], headers["accept-ranges"], headers["server"]) == ("text/plain", "bytes", "AmazonS3")


@pytest.mark.parametrize(
    ("host", "path", "location"),
    [
        ("s3.us-east-1.amazonaws.com", "/training/dir/a%20b", Location("training", "dir/a b")),
        ("training.s3.us-east-1.amazonaws.com", "/dir/a+b", Location("training", "dir/a+b")),
        ("my.training.s3.amazonaws.com", "/k", Location("my.training", "k")),
        ("a.s3.b.s3-eu-west-1.amazonaws.com", "/k", Location("a.s3.b", "k")),
        ("training.s3.dualstack.us-east-1.amazonaws.com", "/k", Location("training", "k")),
        ("vpce-0a-x.s3.us-east-1.vpce.amazonaws.com", "/training/k", Location("training", "k")),
        ("bucket.vpce-0a-x.s3.us-east-1.vpce.amazonaws.com", "/training/k", Location("training", "k")),
        (
            "training.bucket.vpce-0a-x-us-east-1a.s3.us-east-1.vpce.amazonaws.com",
            "/k",
            Location("training", "k"),
        ),
        ("10.0.1.5", "/training", Location("training", "")),
        ("s3.us-east-1.amazonaws.com", "/", Location("", "")),
        ("training.s3.us-east-1.amazonaws.com", "//odd//", Location("training", "/odd//")),
    ],
)
def test_which_object_a_request_means(host, path, location):
    assert locate(ask("GET", path, host=host)) == location


def test_a_large_object_costs_its_size_and_not_its_bytes(s3):
    application = S3("s3", "us-east-1", buckets_of(Options({"b": {"objects": {"k": {"size": 10**11}}}}), "us-east-1"))
    status, headers, content = run(application, ask("GET", "/b/k", ("range", "bytes=99999999990-")))
    assert (status, len(content)) == (206, 10)
    assert headers["etag"].endswith('-5961"')  # parts of 16 MiB: of 8 MiB there would be more than 10,000
    assert headers["content-range"] == f"bytes 99999999990-{10**11 - 1}/{10**11}"
    _, headers, content = run(s3, ask("GET", "/training/big.bin"))
    assert len(content) == TEN_MB
    assert content == (BLOCK * (TEN_MB // BLOCK_SIZE + 1))[:TEN_MB]
    assert headers["etag"].endswith('-2"')


def test_the_etag_of_a_large_object_is_that_of_an_upload_in_parts():
    data = b"".join(blocks(0, 2 * PART_SIZE + 7))
    parts = [data[at : at + PART_SIZE] for at in range(0, len(data), PART_SIZE)]
    digests = b"".join(hashlib.md5(part).digest() for part in parts)  # noqa: S324 - an ETag
    assert GeneratedContent(len(data)).etag == f"{hashlib.md5(digests).hexdigest()}-3"  # noqa: S324 - as above
    assert GeneratedContent(2 * PART_SIZE).etag.endswith("-2")
    assert GeneratedContent(100).etag == StoredContent(data[:100]).etag


@given(st.integers(0, 3 * BLOCK_SIZE), st.integers(0, 3 * BLOCK_SIZE))
def test_any_piece_of_generated_content_is_that_piece(start, stop):
    pieces = list(blocks(start, stop))
    assert b"".join(pieces) == (BLOCK * 3)[start:stop]
    assert all(piece is BLOCK for piece in pieces if len(piece) == BLOCK_SIZE)
    stored = StoredContent(BLOCK * 3)
    assert b"".join(stored.blocks(start, stop)) == (BLOCK * 3)[start:stop]


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        (None, 10, None),
        ("bytes=0-3", 10, (0, 4)),
        ("bytes=4-", 10, (4, 10)),
        ("bytes=-3", 10, (7, 10)),
        ("bytes=-30", 10, (0, 10)),
        ("bytes=8-99", 10, (8, 10)),
        ("bytes=3-2", 10, None),  # not a range at all: RFC 9110 section 14.1.1
        ("bytes=-", 10, None),
        ("bytes=0-1,4-5", 10, None),  # S3 serves one range
        ("lines=1-2", 10, None),
        ("bytes=10-", 10, S3Error),
        ("bytes=-0", 10, S3Error),
        ("bytes=0-", 0, S3Error),
    ],
)
def test_one_range(header, size, expected):
    if expected is S3Error:
        with pytest.raises(S3Error) as caught:
            byte_range(header, size)
        assert (caught.value.status, caught.value.code) == (416, "InvalidRange")
    else:
        assert byte_range(header, size) == expected


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "error"),
    [
        ("GET", "/training/nothing", (), 404, "NoSuchKey"),
        ("GET", "/nowhere/x", (), 404, "NoSuchBucket"),
        ("PUT", "/nowhere/x", (), 404, "NoSuchBucket"),
        ("GET", "/training/hello.txt", (("range", "bytes=5-"),), 416, "InvalidRange"),
        ("POST", "/training/hello.txt", (), 405, "MethodNotAllowed"),
        ("PUT", "/Training", (), 400, "InvalidBucketName"),
        ("PUT", "/training", (("x-amz-acl", "public-read"),), 400, "AccessControlListNotSupported"),
        ("DELETE", "/training", (), 409, "BucketNotEmpty"),
        ("PATCH", "/training", (), 405, "MethodNotAllowed"),
        ("DELETE", "/", (), 405, "MethodNotAllowed"),
        ("GET", "/training?acl", (), 501, "NotImplemented"),
        ("PUT", "/training/x?partNumber=1&uploadId=2", (), 404, "NoSuchUpload"),
        ("GET", "/training/x?uploadId=2", (), 404, "NoSuchUpload"),
        ("GET", "/training?policy", (), 404, "NoSuchBucketPolicy"),
        ("GET", "/training/hello.txt?prefix=x", (), 501, "NotImplemented"),
        ("GET", "/training/hello.txt", (("if-match", '"x"'),), 412, "PreconditionFailed"),
        ("PUT", "/training/hello.txt", (("if-none-match", "*"),), 412, "PreconditionFailed"),
        ("PUT", "/training/x", (("if-match", '"x"'),), 404, "NoSuchKey"),
        ("PUT", "/training/x", (("x-amz-copy-source", "/training/nothing"),), 404, "NoSuchKey"),
        ("PUT", "/training/x", (("x-amz-copy-source", "nothing"),), 400, "InvalidArgument"),
        ("PUT", "/training/x", (("x-amz-content-sha256", "STREAMING-X"),), 411, "MissingContentLength"),
        ("PUT", "/training/x", (("transfer-encoding", "chunked"),), 501, "NotImplemented"),
        ("PUT", "/training/x", (("x-amz-content-sha256", "0" * 64),), 400, "XAmzContentSHA256Mismatch"),
        ("PUT", "/training/x", (("x-amz-checksum-crc32", "AAAAAA=="),), 200, None),
        ("PUT", "/training/x", (("x-amz-checksum-crc32", "AAAAAB=="),), 400, "BadDigest"),
        ("PUT", "/training/x", (("x-amz-checksum-md4", "AAAA"),), 400, "InvalidRequest"),
        ("PUT", "/training/x", (("content-length", str(LARGEST_PUT + 1)),), 400, "EntityTooLarge"),
        ("PUT", "/training/x", (("content-md5", "AAAA"),), 400, "InvalidDigest"),
        ("PUT", "/training/x", (("content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="),), 400, "BadDigest"),
        ("PUT", "/training/" + "x" * 1025, (), 400, "KeyTooLongError"),
        ("GET", "/training?max-keys=x", (), 400, "InvalidArgument"),
    ],
)
def test_errors_are_s3s_xml(s3, method, path, headers, status, error):
    path, _, query = path.partition("?")
    answered, sent, content = run(s3, ask(method, path, *headers, query=query))
    if error is None:
        assert (answered, content) == (status, b"")
        return
    assert (answered, code(content)) == (status, error)
    document = ET.fromstring(content)  # noqa: S314 - our own
    assert document.findtext("RequestId") == sent["x-amz-request-id"]
    assert document.findtext("HostId") == sent["x-amz-id-2"]


def test_what_is_put_is_read_back_until_it_is_deleted(s3):
    digest = base64.b64encode(hashlib.md5(b"data").digest()).decode()  # noqa: S324 - Content-MD5
    headers = (("content-type", "text/x"), ("x-amz-meta-colour", "red"), ("content-md5", digest))
    status, sent, content = run(s3, ask("PUT", "/empty/new", *headers, received_at=5_000_000_000), b"data")
    assert (status, content) == (200, b"")
    etag = sent["etag"]
    status, sent, content = run(s3, ask("GET", "/empty/new"))
    assert (status, content, sent["etag"]) == (200, b"data", etag)
    assert (sent["content-type"], sent["x-amz-meta-colour"]) == ("text/x", "red")
    assert sent["last-modified"] == "Thu, 01 Jan 2026 00:00:05 GMT"
    assert [run(s3, ask("DELETE", "/empty/new"))[0] for _ in range(2)] == [204, 204]
    assert run(s3, ask("GET", "/empty/new"))[0] == 404
    assert "new" not in DOCUMENT["empty"]


def test_an_upload_that_did_not_announce_its_size_is_stopped_when_it_is_too_large(s3, monkeypatch):
    monkeypatch.setattr("emulator.services.s3_payload.LARGEST_PUT", 3)
    status, _, content = run(s3, ask("PUT", "/empty/new"), b"data")
    assert (status, code(content)) == (400, "EntityTooLarge")
    assert s3.store.buckets["empty"].objects == {}


def test_request_ids_look_random_and_are_not():
    def ids():
        s3 = S3("com.amazonaws.us-east-1.s3", "us-east-1", {})
        return [run(s3, ask("GET", "/x/y"))[1]["x-amz-request-id"] for _ in range(3)]

    assert ids() == ids()
    assert len(set(ids())) == 3
    assert all(len(one) == 16 and one == one.upper() for one in ids())


def listing(content):
    space = "{http://s3.amazonaws.com/doc/2006-03-01/}"
    root = ET.fromstring(content)  # noqa: S314 - our own
    found = {child.tag.removeprefix(space): child.text for child in root if len(child) == 0}
    found["keys"] = [one.findtext(f"{space}Key") for one in root.iter(f"{space}Contents")]
    found["prefixes"] = [one.findtext(f"{space}Prefix") for one in root.iter(f"{space}CommonPrefixes")]
    return found


def test_a_bucket_is_listed(s3):
    found = listing(run(s3, ask("GET", "/training", query="list-type=2&delimiter=/&encoding-type=url"))[2])
    assert (found["keys"], found["prefixes"]) == (["big.bin", "hello.txt"], ["dir/"])
    assert (found["KeyCount"], found["IsTruncated"], found["Name"]) == ("3", "false", "training")
    found = listing(run(s3, ask("GET", "/training", query="list-type=2&prefix=dir/&encoding-type=url"))[2])
    assert found["keys"] == ["dir/a%20b", "dir/c"]
    found = listing(run(s3, ask("GET", "/training", query="max-keys=2&marker=big.bin"))[2])
    assert (found["keys"], found["IsTruncated"]) == (["dir/a b", "dir/c"], "true")
    assert run(s3, ask("HEAD", "/training"))[1]["x-amz-bucket-region"] == "us-east-1"


def test_buckets_are_listed(s3):
    content = run(s3, ask("GET", "/"))[2]
    assert b"<Name>empty</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate>" in content
    assert content.index(b"empty") < content.index(b"training")


keys = st.lists(st.text("ab/", min_size=1, max_size=5), unique=True, max_size=8)


@given(keys, st.text("ab/", max_size=2), st.sampled_from(["", "/"]), st.integers(1, 4))
def test_pages_together_are_the_whole_listing(names, prefix, delimiter, limit):
    whole = list_keys(sorted(names), prefix, delimiter, "", 1000)
    assert whole.next_after is None
    paged, after = [], ""
    while after is not None:
        page = list_keys(sorted(names), prefix, delimiter, after, limit)
        assert len(page.keys) + len(page.common_prefixes) <= limit
        paged += [*page.keys, *page.common_prefixes]
        after = page.next_after
    assert sorted(paged) == sorted([*whole.keys, *whole.common_prefixes])


@pytest.mark.parametrize(
    ("buckets", "message"),
    [
        ({"b": {"objects": {"k": {"size": "big"}}}}, r"options\.b\.objects\.k\.size: expected a whole number"),
        ({"b": {"objects": {"k": {"size": -1}}}}, r"options\.b\.objects\.k\.size"),
        ({"b": {"objects": {"k": {"size": 10**15}}}}, r"options\.b\.objects\.k\.size: at most 5497558138880"),
        ({"b": {"objects": {"k": {"size": True}}}}, r"options\.b\.objects\.k\.size"),
        ({"b": {"objects": {"k": {}}}}, r"options\.b\.objects\.k: give either size or content"),
        ({"b": {"objects": {"k": {"size": 1, "content": "x"}}}}, "either size or content"),
        ({"b": {"objects": {"k": {"content": 5}}}}, r"k\.content: expected a text"),
        ({"b": {"objects": {"k": {"size": 5, "colour": "red"}}}}, "unknown option 'colour'"),
        ({"b": {"objets": {}}}, "unknown option 'objets'"),
        ({"b": {"objects": []}}, r"options\.b\.objects: expected a table"),
        ({"a/b": {}}, "no bucket name"),
        ({5: {}}, "the name 5 is not a text"),
    ],
)
def test_a_wrong_option_is_named(buckets, message):
    with pytest.raises(OptionError, match=message):
        buckets_of(Options(buckets), "us-east-1")


def test_an_option_without_a_default_is_asked_for():
    with pytest.raises(OptionError, match=r"options\.size: missing"):
        Options({}).integer("size")


@pytest.mark.asyncio
async def test_a_download_over_a_connection_is_whole(s3):
    client = Client(s3)
    reply = await client.request("GET", "/training/big.bin")
    assert (reply.status, reply.headers["content-length"], len(reply.content)) == (200, str(TEN_MB), TEN_MB)
    reply = await client.request("HEAD", "/training/big.bin")
    assert (reply.headers["content-length"], reply.content) == (str(TEN_MB), b"")
    reply = await client.request("GET", "/training/gone")
    assert (reply.status, code(reply.content)) == (404, "NoSuchKey")
    reply = await client.request("PUT", "/training/gone", content=b"x" * 100_000)
    assert reply.status == 200
    before = len(client.transport.writes)
    assert (await client.request("GET", "/training/hello.txt")).content == b"hello"
    assert len(client.transport.writes) == before + 1  # and so one segment
    assert (await client.request("GET", "/training/gone")).content == b"x" * 100_000
