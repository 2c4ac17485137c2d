"""The application ``s3``: buckets and objects over HTTP.

What a request means is found out first (:mod:`emulator.services.s3_address`),
then the operation of that name answers.  What else S3 can do is refused by name
(``NotImplemented``), never ignored.  Not modelled is the rule that a caller
without ``s3:ListBucket`` gets 403 for a missing key: here it is 404 for everyone
whom policies let in.

Amazon S3 API Reference, "Actions", "Error responses".
"""

from __future__ import annotations

import base64
import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from emulator.services import s3_bucket_calls, s3_listing, s3_multipart_calls, s3_object_calls
from emulator.services.messages import Access, Body, Request, Response
from emulator.services.names import partition_of
from emulator.services.s3_actions import accesses_of
from emulator.services.s3_address import locate, operation_of, query_of
from emulator.services.s3_calls import Answer, Call, Store
from emulator.services.s3_errors import S3Error
from emulator.services.s3_xml import error_xml

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from emulator.services.s3_buckets import Bucket
    from emulator.services.s3_objects import S3Object

KEEP_UPLOADS: Final = 1024**3
"""EMU: bytes of uploads that are kept, unless a document says otherwise; of the rest the digests are."""

_HANDLERS: Final[Mapping[str, Callable[[Call], Awaitable[Answer]]]] = MappingProxyType(
    {
        "AbortMultipartUpload": s3_multipart_calls.abort_multipart_upload,
        "CompleteMultipartUpload": s3_multipart_calls.complete_multipart_upload,
        "CopyObject": s3_object_calls.copy_object,
        "CreateBucket": s3_bucket_calls.create_bucket,
        "CreateMultipartUpload": s3_multipart_calls.create_multipart_upload,
        "DeleteBucket": s3_bucket_calls.delete_bucket,
        "DeleteBucketPolicy": s3_bucket_calls.delete_bucket_policy,
        "DeleteBucketTagging": s3_bucket_calls.delete_bucket_tagging,
        "DeleteObject": s3_object_calls.delete_object,
        "DeleteObjects": s3_bucket_calls.delete_objects,
        "DeleteObjectTagging": s3_object_calls.delete_object_tagging,
        "GetBucketLocation": s3_bucket_calls.get_bucket_location,
        "GetBucketPolicy": s3_bucket_calls.get_bucket_policy,
        "GetBucketTagging": s3_bucket_calls.get_bucket_tagging,
        "GetBucketVersioning": s3_bucket_calls.get_bucket_versioning,
        "GetObject": s3_object_calls.get_object,
        "GetObjectAttributes": s3_object_calls.get_object_attributes,
        "GetObjectTagging": s3_object_calls.get_object_tagging,
        "HeadBucket": s3_bucket_calls.head_bucket,
        "HeadObject": s3_object_calls.get_object,
        "ListBuckets": s3_bucket_calls.list_buckets,
        "ListMultipartUploads": s3_listing.list_multipart_uploads,
        "ListObjects": s3_listing.list_objects,
        "ListObjectsV2": s3_listing.list_objects_v2,
        "ListParts": s3_multipart_calls.list_parts,
        "PutBucketPolicy": s3_bucket_calls.put_bucket_policy,
        "PutBucketTagging": s3_bucket_calls.put_bucket_tagging,
        "PutObject": s3_object_calls.put_object,
        "PutObjectTagging": s3_object_calls.put_object_tagging,
        "UploadPart": s3_multipart_calls.upload_part,
        "UploadPartCopy": s3_multipart_calls.upload_part_copy,
    }
)


class S3:
    """Amazon S3 of one Region, as seen through an endpoint."""

    def __init__(
        self,
        service_name: str,
        region: str,
        buckets: Mapping[str, Bucket | Mapping[str, S3Object]],
        *,
        keep_uploads: int = KEEP_UPLOADS,
    ) -> None:
        """``buckets`` are what there is at the start; ``keep_uploads`` is in bytes."""
        self.store = Store(region, buckets, keep_uploads)
        self._partition = partition_of(region)
        self._seed = service_name
        self._answered = 0

    # ---- Application

    async def accesses(self, request: Request, body: Body) -> tuple[Access, ...]:
        """Return actions and ARNs; nothing where S3 has no such operation and answers so to everyone."""
        return await accesses_of(request, body, self.store.buckets, self._partition)

    def denial(self, request: Request, sentence: str) -> Response:
        """Return 403 AccessDenied with S3's sentence (POL-13, POL-14)."""
        return self._error(request, S3Error(403, "AccessDenied", sentence))

    async def respond(self, request: Request, body: Body) -> Response:
        """Answer a request."""
        location, query = locate(request), query_of(request)
        try:
            operation = operation_of(request, location, query)
            answer = await _HANDLERS[operation](Call(self.store, request, body, location, query))
        except S3Error as error:
            return self._error(request, error)
        return Response(answer.status, (*self._ids(), *answer.headers), answer.content, answer.length)

    # ---- responses

    def _error(self, request: Request, error: S3Error) -> Response:
        ids = self._ids()
        content = error_xml(error, request_id=ids[0][1], host_id=ids[1][1])
        headers = list(error.headers)
        bucket = self.store.buckets.get(locate(request).bucket)
        if request.method == "HEAD" and bucket is not None and error.code != "PermanentRedirect":
            headers.append(("x-amz-bucket-region", bucket.region))  # who cannot read an error's document may need it
        return Response(error.status, (*ids, ("Content-Type", "application/xml"), *headers), content)

    def _ids(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that identify an answer: random to look at, and counted."""
        self._answered += 1
        digest = hashlib.sha256(f"{self._seed} {self._answered}".encode()).digest()
        request_id = digest[:8].hex().upper()
        host_id = base64.b64encode(digest + digest[8:]).decode()
        return ("x-amz-request-id", request_id), ("x-amz-id-2", host_id), ("Server", "AmazonS3")
