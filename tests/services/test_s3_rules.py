"""Rules of S3 that moto does not judge: Regions, uploads in pieces, what is kept, and what policies are asked."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import zlib

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from emulator.services import OptionError
from emulator.services import s3_checksums as checksums
from emulator.services.messages import Body, Provenance
from emulator.services.options import Options
from emulator.services.s3 import S3
from emulator.services.s3_buckets import buckets_of
from emulator.services.s3_errors import S3Error
from emulator.services.s3_objects import GeneratedContent, Joined, Piece, StoredContent
from emulator.services.s3_payload import AwsChunks
from tests.services.clients import Wire, client
from tests.services.harness import ask, run
from tests.services.test_s3 import code

HERE, THERE = "us-east-2", "us-east-1"
DIRECT = Provenance("203.0.113.9", 40000)
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::home/*"}],
}


def application(**options):
    document = {
        "home": {"objects": {"k": {"content": "near"}}},
        "away": {"region": THERE, "objects": {"k": {"content": "far"}}},
    }
    return S3(f"com.amazonaws.{HERE}.s3", HERE, buckets_of(Options(document), HERE), **options)


def failure(call, *arguments, **more):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **more)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"].get("Message")


def test_a_copy_from_another_region_is_refused_to_those_who_came_through_an_endpoint():
    """Incident B18."""
    s3 = client("s3", application(), HERE)
    refused = failure(s3.copy_object, Bucket="home", Key="copy", CopySource="away/k")
    assert refused == (403, "AccessDenied", "VPC endpoints do not support cross-region requests")
    upload = s3.create_multipart_upload(Bucket="home", Key="copy")["UploadId"]
    part = {"Bucket": "home", "Key": "copy", "UploadId": upload, "PartNumber": 1, "CopySource": "away/k"}
    assert failure(s3.upload_part_copy, **part)[:2] == (403, "AccessDenied")
    outside = client("s3", region=HERE)
    outside.meta.events.register_first("before-send", Wire(application(), DIRECT))
    outside.copy_object(Bucket="home", Key="copy", CopySource="away/k")
    assert outside.get_object(Bucket="home", Key="copy")["Body"].read() == b"far"


def test_a_bucket_of_another_region_is_elsewhere():
    status, headers, content = run(application(), ask("GET", "/away/k"))
    assert (status, code(content), headers["x-amz-bucket-region"]) == (301, "PermanentRedirect", THERE)
    assert b"<Endpoint>away.s3.us-east-1.amazonaws.com</Endpoint>" in content
    assert run(application(), ask("HEAD", "/away"))[:2][0] == 301


@pytest.mark.parametrize(
    ("constraint", "status", "error"),
    [
        (HERE, 200, None),
        (None, 400, "IllegalLocationConstraintException"),
        ("eu-west-1", 400, "IllegalLocationConstraintException"),
    ],
)
def test_a_bucket_is_made_in_the_region_of_its_endpoint(constraint, status, error):
    body = f"<LocationConstraint>{constraint}</LocationConstraint>"
    content = f"<CreateBucketConfiguration>{body}</CreateBucketConfiguration>".encode() if constraint else b""
    answered, _, content = run(application(), ask("PUT", "/new-bucket"), content)
    assert (answered, code(content) if error else None) == (status, error)


def test_a_bucket_of_ones_own_is_not_made_twice():
    s3 = client("s3", application(), HERE)
    where = {"LocationConstraint": HERE}
    again = failure(s3.create_bucket, Bucket="home", CreateBucketConfiguration=where)
    assert again[:2] == (409, "BucketAlreadyOwnedByYou")
    others = S3("s3", HERE, buckets_of(Options({"theirs": {"owner_id": "111122223333"}}), HERE))
    s3 = client("s3", others, HERE)
    taken = failure(s3.create_bucket, Bucket="theirs", CreateBucketConfiguration=where)
    assert taken[:2] == (409, "BucketAlreadyExists")


# ---- uploads


@given(st.binary(max_size=300), st.lists(st.integers(1, 50), max_size=5), st.integers(1, 40), st.booleans())
def test_chunks_are_taken_apart_however_they_come(content, sizes, step, signed):
    extra, wire, rest = b";chunk-signature=" + b"0" * 64 if signed else b"", b"", content
    for size in [*sizes, len(content) + 1]:
        piece, rest = rest[:size], rest[size:]
        if piece:
            wire += b"%x%b\r\n%b\r\n" % (len(piece), extra, piece)
    wire += b"0" + extra + b"\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"
    chunks = AwsChunks()
    pieces = [bytes(wire[at : at + step]) for at in range(0, len(wire), step)]
    assert b"".join(one for piece in pieces for one in chunks.take(piece)) == content
    chunks.end()
    assert chunks.trailers == [("x-amz-checksum-crc32", "AAAA")]


@pytest.mark.parametrize("wire", [b"", b"5\r\nabc", b"zz\r\n", b"5\r\nabcde\r\n", b"x" * 9000])
def test_chunks_that_end_too_soon_are_incomplete(wire):
    chunks = AwsChunks()
    with pytest.raises(S3Error) as caught:
        list(chunks.take(wire))
        chunks.end()
    assert caught.value.code == "IncompleteBody"


def put_chunked(body, trailer, length=4):
    headers = (
        ("content-encoding", "aws-chunked"),
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", str(length)),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("transfer-encoding", "chunked"),
    )
    s3 = application()
    wire = b"4\r\n" + body + b"\r\n0\r\nx-amz-checksum-crc32:" + trailer + b"\r\n\r\n"
    return s3, run(s3, ask("PUT", "/home/new", *headers), wire)


def test_an_upload_with_a_checksum_behind_it():
    crc = base64.b64encode(zlib.crc32(b"data").to_bytes(4, "big"))
    s3, (status, headers, _) = put_chunked(b"data", crc)
    assert (status, headers["x-amz-checksum-crc32"]) == (200, crc.decode())
    _, headers, content = run(s3, ask("GET", "/home/new", ("x-amz-checksum-mode", "ENABLED")))
    assert (content, headers["x-amz-checksum-crc32"], "content-encoding" in headers) == (b"data", crc.decode(), False)
    _, (status, _, content) = put_chunked(b"date", crc)
    assert (status, code(content)) == (400, "BadDigest")
    _, (status, _, content) = put_chunked(b"data", crc, length=5)
    assert (status, code(content)) == (400, "IncompleteBody")


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [  # of "123456789", the check values of the algorithms' definitions
        ("crc32", "cbf43926"),
        ("crc32c", "e3069283"),
        ("crc64nvme", "ae8b14860a799888"),
        ("sha1", hashlib.sha1(b"123456789").hexdigest()),  # noqa: S324 - a checksum
        ("sha256", hashlib.sha256(b"123456789").hexdigest()),
    ],
)
def test_checksums(algorithm, value):
    assert base64.b64decode(checksums.of(algorithm, [b"1234", b"56789"])).hex() == value


@pytest.mark.parametrize(("kind", "suffix"), [("COMPOSITE", "-2"), ("FULL_OBJECT", "")])
def test_the_checksum_of_an_upload_in_parts(kind, suffix):
    s3 = client("s3", application(), HERE)
    about = {"Bucket": "home", "Key": "big"}
    upload = s3.create_multipart_upload(**about, ChecksumAlgorithm="CRC32", ChecksumType=kind)["UploadId"]
    bodies = [b"a" * 5 * 1024 * 1024, b"end"]
    parts = []
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(**about, UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]})
    done = s3.complete_multipart_upload(**about, UploadId=upload, MultipartUpload={"Parts": parts})
    digests = [zlib.crc32(body).to_bytes(4, "big") for body in bodies]
    whole = zlib.crc32(b"".join(digests if suffix else bodies)).to_bytes(4, "big")
    assert done["ChecksumCRC32"] == base64.b64encode(whole).decode() + suffix
    assert s3.get_object(**about)["Body"].read() == b"".join(bodies)
    assert s3.get_object(**about, PartNumber=2)["Body"].read() == b"end"


def test_what_is_too_much_to_keep_is_known_by_its_digests():
    s3 = client("s3", application(keep_uploads=10), HERE)
    kept = s3.put_object(Bucket="home", Key="small", Body=b"12345678")
    large = s3.put_object(Bucket="home", Key="large", Body=b"123")
    assert large["ETag"] == f'"{hashlib.md5(b"123").hexdigest()}"'  # noqa: S324 - an ETag
    assert s3.head_object(Bucket="home", Key="large")["ContentLength"] == 3
    assert failure(s3.get_object, Bucket="home", Key="large")[:2] == (501, "NotImplemented")
    s3.delete_object(Bucket="home", Key="small")  # which makes room
    s3.put_object(Bucket="home", Key="large", Body=b"123")
    assert s3.get_object(Bucket="home", Key="large")["Body"].read() == b"123"
    assert kept["ETag"]


@given(st.integers(0, 200_000), st.integers(0, 200_000), st.integers(0, 200_000))
def test_contents_put_together_read_as_one(first, start, stop):
    whole = b"".join(GeneratedContent(200_000).blocks(0, 200_000))
    joined = Joined([Piece(GeneratedContent(200_000), 0, first), StoredContent(whole[first:])])
    start, stop = sorted((start, stop))
    assert b"".join(joined.blocks(start, stop)) == whole[start:stop]
    assert Piece(GeneratedContent(200_000), start, stop).etag == hashlib.md5(whole[start:stop]).hexdigest()  # noqa: S324


def test_transfers_of_boto3_are_whole():
    s3 = client("s3", application(), HERE)
    data = bytes(range(256)) * 80_000
    s3.upload_fileobj(io.BytesIO(data), "home", "file")
    s3.copy({"Bucket": "home", "Key": "file"}, "home", "copy")
    back = io.BytesIO()
    s3.download_fileobj("home", "copy", back)
    assert back.getvalue() == data
    assert s3.head_object(Bucket="home", Key="copy")["ETag"].endswith('-3"')


def test_a_presigned_url_is_as_good_as_a_signature():
    s3 = application()
    url = client("s3", region=HERE).generate_presigned_url("get_object", Params={"Bucket": "home", "Key": "k"})
    path, _, query = url.partition("amazonaws.com")[2].partition("?")
    assert "X-Amz-Signature" in query or "Signature=" in query
    host = url.removeprefix("https://").partition("/")[0]
    assert run(s3, ask("GET", path, host=host, query=query))[0] == 200


# ---- refusals

HALF_A_TAG = b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"
ONE = b"<Part><PartNumber>1</PartNumber><ETag>%(1)b</ETag></Part>"
TWO = b"<Part><PartNumber>2</PartNumber><ETag>%(2)b</ETag></Part>"
SOURCE = ("x-amz-copy-source", "home/k")


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "error"),
    [
        ("GET", "/home/k?partNumber=2", (), b"", 416, "InvalidPartNumber"),
        ("GET", "/home/k?partNumber=0", (), b"", 400, "InvalidArgument"),
        ("GET", "/home/k?partNumber=1", (("range", "bytes=0-"),), b"", 400, "InvalidRequest"),
        ("GET", "/home/k?versionId=3", (), b"", 400, "InvalidArgument"),
        ("GET", "/home?encoding-type=x", (), b"", 400, "InvalidArgument"),
        ("GET", "/home?list-type=2&continuation-token=%2A", (), b"", 400, "InvalidArgument"),
        ("GET", "/home/k?attributes", (("x-amz-object-attributes", "Colour"),), b"", 400, "InvalidArgument"),
        ("PUT", "/home/n", (("x-amz-storage-class", "COLD"),), b"", 400, "InvalidStorageClass"),
        ("PUT", "/home/n", (("x-amz-server-side-encryption", "aws:kms"),), b"", 501, "NotImplemented"),
        ("PUT", "/home/n", (("x-amz-object-lock-mode", "GOVERNANCE"),), b"", 501, "NotImplemented"),
        ("PUT", "/home/n", (("x-amz-meta-a", "x" * 2048),), b"", 400, "MetadataTooLarge"),
        ("PUT", "/home/n", (("x-amz-tagging", "a=1&a=2"),), b"", 400, "InvalidTag"),
        ("PUT", "/home/n", (("if-none-match", '"x"'),), b"", 501, "NotImplemented"),
        ("PUT", "/home/k", (("if-match", '"x"'),), b"", 412, "PreconditionFailed"),
        ("PUT", "/home/k", (SOURCE,), b"", 400, "InvalidRequest"),
        ("PUT", "/home/n", (SOURCE, ("x-amz-metadata-directive", "KEEP")), b"", 400, "InvalidArgument"),
        ("PUT", "/home/n", (SOURCE, ("x-amz-copy-source-if-none-match", "*")), b"", 412, "PreconditionFailed"),
        ("PUT", "/home/n", (("x-amz-copy-source", "home/k?versionId=7"),), b"", 400, "InvalidArgument"),
        ("PUT", "/home/n", (("x-amz-copy-source", "arn:aws:s3:::x"),), b"", 501, "NotImplemented"),
        (
            "PUT",
            "/home/k?tagging",
            (),
            b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
            400,
            "MalformedXML",
        ),
        ("PUT", "/home/k?tagging", (), b"<Other/>", 400, "MalformedXML"),
        ("DELETE", "/home/k", (("if-match", '"x"'),), b"", 412, "PreconditionFailed"),
        ("DELETE", "/home/none", (("if-match", '"x"'),), b"", 404, "NoSuchKey"),
        ("POST", "/home?delete", (), b"<Delete><Object><Key>k</Key></Object></Delete>", 400, "InvalidRequest"),
        ("POST", "/home?delete", (("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),), b"<Delete/>", 400, "BadDigest"),
        ("POST", "/home/n?uploads", (("x-amz-checksum-algorithm", "MD4"),), b"", 400, "InvalidRequest"),
        ("POST", "/home/n?uploadId=x", (), b"", 404, "NoSuchUpload"),
    ],
)
def test_refusals(method, path, headers, body, status, error):
    path, _, query = path.partition("?")
    answered, _, content = run(application(), ask(method, path, *headers, query=query), body)
    assert (answered, code(content)) == (status, error)


@pytest.mark.parametrize(
    ("parts", "status", "error"),
    [
        (TWO, 200, None),
        (b"", 400, "MalformedXML"),
        (b"<Part><PartNumber>x</PartNumber><ETag>%(2)b</ETag></Part>", 400, "MalformedXML"),
        (b"<Part><PartNumber>3</PartNumber><ETag>%(2)b</ETag></Part>", 400, "InvalidPart"),
        (TWO + ONE, 400, "InvalidPartOrder"),
        (ONE + TWO, 400, "EntityTooSmall"),
    ],
)
def test_what_an_upload_in_parts_is_completed_with(parts, status, error):
    s3 = application()
    sdk = client("s3", s3, HERE)
    about = {"Bucket": "home", "Key": "n"}
    upload = sdk.create_multipart_upload(**about)["UploadId"]
    etags = {}
    for number in (1, 2):
        etag = sdk.upload_part(**about, UploadId=upload, PartNumber=number, Body=b"%d" % number)["ETag"]
        etags[b"%d" % number] = etag.encode()
    body = b"<CompleteMultipartUpload>" + parts % etags + b"</CompleteMultipartUpload>"
    answered, _, content = run(s3, ask("POST", "/home/n", query=f"uploadId={upload}"), body)
    assert (answered, code(content) if error else None) == (status, error)
    if not error:  # the part that was not listed is gone with the upload
        assert sdk.get_object(**about)["Body"].read() == b"2"
        assert "Uploads" not in sdk.list_multipart_uploads(Bucket="home")


def test_uploads_are_listed_page_by_page_and_rolled_up():
    sdk = client("s3", application(), HERE)
    for key in ("a/1", "a/2", "b", "b", "c/1"):
        sdk.create_multipart_upload(Bucket="home", Key=key)
    rolled = sdk.list_multipart_uploads(Bucket="home", Delimiter="/")
    assert [one["Key"] for one in rolled["Uploads"]] == ["b", "b"]
    assert [one["Prefix"] for one in rolled["CommonPrefixes"]] == ["a/", "c/"]
    pages = sdk.get_paginator("list_multipart_uploads").paginate(Bucket="home", PaginationConfig={"PageSize": 2})
    keys = [[one["Key"] for one in page["Uploads"]] for page in pages]
    assert keys == [["a/1", "a/2"], ["b", "b"], ["c/1"]]


# ---- policies


def test_a_bucket_policy_that_is_none_is_refused_with_its_place():
    s3 = client("s3", application(), HERE)
    status, error, message = failure(s3.put_bucket_policy, Bucket="home", Policy='{"Statement": {"Effect": "Perhaps"}}')
    assert (status, error) == (400, "MalformedPolicy")
    assert "line 1" in message
    s3.put_bucket_policy(Bucket="home", Policy=json.dumps(POLICY))
    assert json.loads(s3.get_bucket_policy(Bucket="home")["Policy"]) == POLICY
    with pytest.raises(OptionError, match=r"options\.b\.policy: MalformedPolicy: The statement has no Principal"):
        buckets_of(Options({"b": {"policy": {"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}}}), HERE)


def accesses(request, body=b"", **bucket):
    buckets = buckets_of(Options({"home": bucket}), HERE)
    return asyncio.run(S3("s3", HERE, buckets).accesses(request, Body.of(body)))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (ask("GET", "/home/a%20b"), [("s3:GetObject", "home/a b")]),
        (ask("HEAD", "/home"), [("s3:ListBucket", "home")]),
        (
            ask("PUT", "/home/x", ("x-amz-copy-source", "away/k%2Bl")),
            [("s3:GetObject", "away/k+l"), ("s3:PutObject", "home/x")],
        ),
        (ask("PUT", "/home/x", query="partNumber=1&uploadId=u"), [("s3:PutObject", "home/x")]),
        (ask("POST", "/home/x", query="uploads"), [("s3:PutObject", "home/x")]),
        (ask("DELETE", "/home/x", query="uploadId=u"), [("s3:AbortMultipartUpload", "home/x")]),
        (ask("GET", "/home", query="uploads"), [("s3:ListBucketMultipartUploads", "home")]),
        (
            ask("PUT", "/home/x", ("x-amz-tagging", "a=b")),
            [("s3:PutObject", "home/x"), ("s3:PutObjectTagging", "home/x")],
        ),
        (ask("PUT", "/home", query="policy"), [("s3:PutBucketPolicy", "home")]),
        (ask("GET", "/home", query="acl"), []),
        (ask("PATCH", "/home/x"), []),
    ],
)
def test_what_a_request_asks_leave_for(request_, expected):
    found = [(one.action, one.resource.removeprefix("arn:aws:s3:::")) for one in accesses(request_)]
    assert found == expected


def test_condition_keys_owner_and_policy_go_with_what_is_asked():
    (access,) = accesses(
        ask("GET", "/home", query="list-type=2&prefix=logs/&delimiter=/&max-keys=5"),
        policy=POLICY,
        owner_id="111122223333",
    )
    assert access.keys == (("s3:prefix", ("logs/",)), ("s3:delimiter", ("/",)), ("s3:max-keys", ("5",)))
    assert (access.owner_id, json.loads(access.resource_policy)) == ("111122223333", POLICY)
    (access,) = accesses(ask("PUT", "/home/x", ("x-amz-storage-class", "STANDARD_IA")))
    assert access.keys == (("s3:x-amz-storage-class", ("STANDARD_IA",)),)


def test_every_key_of_many_deletions_is_asked_for():
    body = b"<Delete><Object><Key>a</Key></Object><Object><Key>b/c</Key></Object></Delete>"
    found = accesses(ask("POST", "/home", query="delete"), body)
    assert [one.resource for one in found] == ["arn:aws:s3:::home/a", "arn:aws:s3:::home/b/c"]
    assert accesses(ask("POST", "/home", query="delete"), b"<Del")[0].resource == "arn:aws:s3:::home"
