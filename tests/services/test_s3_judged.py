"""S3 against moto: the same calls of boto3, the same answers."""

from __future__ import annotations

import json

import pytest

from emulator.services.s3 import S3
from tests.services.judged import compare

SERVICE = "s3"
MB = 1024 * 1024
B = {"Bucket": "shelf"}
MAKE = ("create_bucket", B)
BIG = b"0123456789abcdef" * (5 * MB // 16)

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::shelf/*",
        },
    }
)


def put(key, body=b"data", **more):
    return ("put_object", {**B, "Key": key, "Body": body, **more})


def get(key, **more):
    return ("get_object", {**B, "Key": key, **more})


def page(keys, prefixes, then):
    """A page of one or two names, with more to come."""
    etag = '"8d777f385d3dfec8815d20f7496026dc"'
    return {
        "IsTruncated": True,
        "NextMarker": then,
        "Contents": [{"Key": key, "ETag": etag, "Size": 4, "StorageClass": "STANDARD"} for key in keys],
        "Name": "shelf",
        "Delimiter": "/",
        "MaxKeys": 2,
        "CommonPrefixes": [{"Prefix": prefix} for prefix in prefixes],
        "EncodingType": "url",
    }


STORIES = {
    "buckets": [
        MAKE,
        ("create_bucket", B),  # us-east-1: once more is no error
        (
            "create_bucket",
            {"Bucket": "No_Name"},
            (400, "InvalidBucketName"),
        ),  # of buckets in us-east-1 moto lets it pass
        ("list_buckets", {}, (200, {"Buckets": [{"Name": "shelf"}]})),
        ("head_bucket", {"Bucket": "nowhere"}),
        ("get_bucket_location", B),
        ("get_bucket_versioning", B),
        ("delete_bucket", {"Bucket": "nowhere"}),
        put("k"),
        ("delete_bucket", B),
        ("delete_object", {**B, "Key": "k"}),
        ("delete_bucket", B),
        ("list_objects_v2", B),
    ],
    "policies and tags of a bucket": [
        MAKE,
        ("get_bucket_policy", B),
        ("put_bucket_policy", {**B, "Policy": POLICY}, (204, {})),
        ("get_bucket_policy", B),
        ("delete_bucket_policy", B),
        ("delete_bucket_policy", B),
        ("get_bucket_policy", B),
        ("get_bucket_tagging", B),
        ("put_bucket_tagging", {**B, "Tagging": {"TagSet": [{"Key": "a", "Value": "b & c"}]}}),
        ("get_bucket_tagging", B),
        ("delete_bucket_tagging", B),
        ("get_bucket_tagging", B),
    ],
    "objects": [
        MAKE,
        put("plain"),
        put("a b/ü+%.txt", b"x" * 70_000, ContentType="text/plain", Metadata={"colour": "red"}),
        put("a b/ü+%.txt", b"second", CacheControl="no-cache", ContentDisposition="inline", ContentEncoding="br"),
        get("a b/ü+%.txt"),
        get("plain"),
        get("nothing"),
        ("head_object", {**B, "Key": "plain"}),
        ("head_object", {**B, "Key": "nothing"}),
        get("plain", Range="bytes=1-2"),
        get("plain", Range="bytes=-3"),
        get("plain", Range="bytes=2-"),
        get("plain", Range="bytes=4-"),
        get("plain", ResponseContentType="text/html", ResponseCacheControl="x"),
        put("empty", b""),
        get("empty"),
        put("digest", b"data", ContentMD5="jXd/OF09/siBXSD3SWAm3A=="),
        (*put("digest", b"date", ContentMD5="jXd/OF09/siBXSD3SWAm3A=="), (400, "BadDigest")),
        put("sha", b"data", ChecksumAlgorithm="SHA256"),
        get("sha", ChecksumMode="ENABLED"),
        ("delete_object", {**B, "Key": "plain"}),
        ("delete_object", {**B, "Key": "plain"}),
        ("put_object", {"Bucket": "nowhere", "Key": "k", "Body": b""}),
        ("get_object", {"Bucket": "nowhere", "Key": "k"}),
        (*put("x" * 1025), (400, "KeyTooLongError")),
    ],
    "conditions": [
        MAKE,
        put("k"),
        get("k", IfMatch='"8d777f385d3dfec8815d20f7496026dc"'),
        get("k", IfMatch='"0"'),
        get("k", IfNoneMatch='"8d777f385d3dfec8815d20f7496026dc"'),
        get("k", IfNoneMatch='"0"'),
        get("k", IfModifiedSince="2060-01-01"),
        get("k", IfModifiedSince="2000-01-01"),
        get("k", IfUnmodifiedSince="2000-01-01"),
        get("k", IfUnmodifiedSince="2060-01-01"),
        put("k", IfNoneMatch="*"),
        put("new", IfNoneMatch="*"),
    ],
    "listings": [
        MAKE,
        *(put(key) for key in ("a", "b/1", "b/2", "b/c/3", "d e", "é", "z/9")),
        ("list_objects_v2", B),
        ("list_objects_v2", {**B, "Delimiter": "/"}),
        ("list_objects_v2", {**B, "Prefix": "b/", "Delimiter": "/"}),
        ("list_objects_v2", {**B, "StartAfter": "b/1"}),
        ("list_objects_v2", {**B, "MaxKeys": 3}),
        ("list_objects_v2", {**B, "MaxKeys": 3, "ContinuationToken": "{NextContinuationToken}"}),
        ("list_objects_v2", {**B, "MaxKeys": 1000, "Prefix": "nothing"}),
        ("list_objects_v2", {**B, "FetchOwner": True, "MaxKeys": 1}),
        ("list_objects", B),
        # moto counts only keys, and its markers are its own.
        ("list_objects", {**B, "Delimiter": "/", "MaxKeys": 2}, (200, page(["a"], ["b/"], "b/"))),
        ("list_objects", {**B, "Delimiter": "/", "MaxKeys": 2, "Marker": "b/"}, (200, page(["d e"], ["z/"], "z/"))),
        ("list_objects", {**B, "Marker": "d e"}),
    ],
    "deleting many": [
        MAKE,
        put("a"),
        put("b"),
        ("delete_objects", {**B, "Delete": {"Objects": [{"Key": "a"}, {"Key": "gone"}]}}),
        ("delete_objects", {**B, "Delete": {"Objects": [{"Key": "b"}], "Quiet": True}}, (200, {})),
        ("list_objects_v2", B),
        ("delete_objects", {"Bucket": "nowhere", "Delete": {"Objects": [{"Key": "a"}]}}),
    ],
    "copies": [
        MAKE,
        ("create_bucket", {"Bucket": "other"}),
        put("from me+you", b"content", ContentType="text/x", Metadata={"a": "1"}),
        ("copy_object", {"Bucket": "other", "Key": "to", "CopySource": {"Bucket": "shelf", "Key": "from me+you"}}),
        ("get_object", {"Bucket": "other", "Key": "to"}),
        (
            "copy_object",
            {
                **B,
                "Key": "changed",
                "CopySource": "shelf/from me+you",
                "MetadataDirective": "REPLACE",
                "Metadata": {"b": "2"},
                "ContentType": "text/y",
            },
        ),
        get("changed"),
        ("copy_object", {**B, "Key": "x", "CopySource": "shelf/nothing"}),
        ("copy_object", {**B, "Key": "x", "CopySource": "nowhere/k"}),
        ("copy_object", {**B, "Key": "changed", "CopySource": "shelf/changed"}),
        (
            "copy_object",
            {**B, "Key": "x", "CopySource": "shelf/changed", "CopySourceIfMatch": '"0"'},
            (412, "PreconditionFailed"),
        ),
    ],
    "uploads in parts": [
        MAKE,
        ("create_multipart_upload", {**B, "Key": "big", "ContentType": "text/z", "Metadata": {"a": "1"}}),
        ("upload_part", {**B, "Key": "big", "UploadId": "{UploadId}", "PartNumber": 1, "Body": BIG}),
        ("upload_part", {**B, "Key": "big", "UploadId": "{UploadId}", "PartNumber": 2, "Body": b"end"}),
        ("list_parts", {**B, "Key": "big", "UploadId": "{UploadId}"}),
        ("list_parts", {**B, "Key": "big", "UploadId": "{UploadId}", "MaxParts": 1}),
        ("list_multipart_uploads", B),
        (
            "complete_multipart_upload",
            {
                **B,
                "Key": "big",
                "UploadId": "{UploadId}",
                "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": '"0"'}]},
            },
        ),
        (
            "complete_multipart_upload",
            {
                **B,
                "Key": "big",
                "UploadId": "{UploadId}",
                "MultipartUpload": {
                    "Parts": [{"PartNumber": 1, "ETag": "{part1}"}, {"PartNumber": 2, "ETag": "{part2}"}],
                },
            },
        ),
        ("head_object", {**B, "Key": "big"}),
        get("big", Range=f"bytes={5 * MB - 2}-"),
        (
            *get("big", PartNumber=2),
            (
                206,
                {
                    "ContentLength": 3,
                    "ETag": '"a7605a8c1991d100367b98e8b862766c-2"',
                    "ContentRange": f"bytes {5 * MB}-{5 * MB + 2}/{5 * MB + 3}",
                    "ContentType": "text/z",
                    "Metadata": {"a": "1"},
                    "PartsCount": 2,
                    "Body": b"end",
                },
            ),
        ),
        ("list_parts", {**B, "Key": "big", "UploadId": "{UploadId}"}),
        ("list_multipart_uploads", B),
        ("create_multipart_upload", {**B, "Key": "again"}),
        (
            "upload_part_copy",
            {
                **B,
                "Key": "again",
                "UploadId": "{UploadId}",
                "PartNumber": 1,
                "CopySource": "shelf/big",
                "CopySourceRange": "bytes=0-99",
            },
        ),
        ("upload_part", {**B, "Key": "again", "UploadId": "{UploadId}", "PartNumber": 2, "Body": b"end"}),
        (
            "complete_multipart_upload",
            {
                **B,
                "Key": "again",
                "UploadId": "{UploadId}",
                "MultipartUpload": {
                    "Parts": [{"PartNumber": 1, "ETag": "{part1}"}, {"PartNumber": 2, "ETag": "{part2}"}],
                },
            },
        ),
        ("abort_multipart_upload", {**B, "Key": "again", "UploadId": "{UploadId}"}),
        ("abort_multipart_upload", {**B, "Key": "again", "UploadId": "{UploadId}"}),
        ("upload_part", {**B, "Key": "x", "UploadId": "none", "PartNumber": 1, "Body": b""}, (404, "NoSuchUpload")),
    ],
    "tags of objects": [
        MAKE,
        put("k", Tagging="a=1&b=2"),
        ("get_object_tagging", {**B, "Key": "k"}),
        ("put_object_tagging", {**B, "Key": "k", "Tagging": {"TagSet": [{"Key": "c", "Value": "3"}]}}),
        ("get_object_tagging", {**B, "Key": "k"}),
        ("head_object", {**B, "Key": "k"}),
        ("delete_object_tagging", {**B, "Key": "k"}),
        ("get_object_tagging", {**B, "Key": "k"}),
        ("get_object_tagging", {**B, "Key": "nothing"}),
        ("get_object_attributes", {**B, "Key": "k", "ObjectAttributes": ["ETag", "ObjectSize", "StorageClass"]}),
    ],
}


def application():
    return S3("com.amazonaws.us-east-1.s3", "us-east-1", {})


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES)
def test_the_answers_are_those_of_moto(story):
    assert compare(SERVICE, application(), STORIES[story]) == []
