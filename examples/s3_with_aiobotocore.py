"""aiobotocore, unmodified, uses S3 through a gateway endpoint, and meets each way in which it can fail.

Objects are written, in one piece or in parts, read whole and in ranges, listed page by page; a missing key is a
``ClientError`` and so is what the endpoint's policy denies.  From a subnet whose route table lacks the endpoint the
same client times out: each of its attempts tries the four addresses of S3 in turn, five seconds each, so "a connect
timeout of five seconds" and two retries take more than a minute.

Things to know.  The client is given its keys, no files and no proxies: otherwise botocore looks for keys in files
and variables of this machine, and at last on the real network (``AWS_EC2_METADATA_DISABLED`` stops that).  Its
requests are signed with the machine's date, which nobody checks here: two runs differ in those bytes and in no
length.  Its retries wait for random times: ``random.seed`` repeats them.

    python examples/s3_with_aiobotocore.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError, ConnectTimeoutError

from emulator import Network

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
BUCKET = "training"


def s3(config: AioConfig) -> Any:
    """Return a client of S3, to be entered; nothing of this machine's set-up gets into it."""
    session = get_session()
    session.set_config_variable("config_file", os.devnull)
    return session.create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://s3.us-east-1.amazonaws.com",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # noqa: S106 - the one of AWS's documentation
        config=config,
    )


async def upload_in_parts(client: Any) -> int:
    """Upload an object in three parts at once; return how big it has become."""
    where = {"Bucket": BUCKET, "Key": "parts.bin"}
    upload = await client.create_multipart_upload(**where)
    sizes = {1: 5 * 1024 * 1024, 2: 5 * 1024 * 1024, 3: 1000}  # at least 5 MiB, all but the last (S3's limits)
    answers = await asyncio.gather(
        *(
            client.upload_part(**where, UploadId=upload["UploadId"], PartNumber=number, Body=bytes(size))
            for number, size in sizes.items()
        )
    )
    parts = [{"PartNumber": n, "ETag": answer["ETag"]} for n, answer in zip(sizes, answers, strict=True)]
    await client.complete_multipart_upload(**where, UploadId=upload["UploadId"], MultipartUpload={"Parts": parts})
    size: int = (await client.head_object(**where))["ContentLength"]
    return size


async def use() -> list[str]:
    """Use a bucket, and tell what came of it."""
    told = []
    async with s3(AioConfig(s3={"addressing_style": "path"}, proxies={})) as client:
        for number in range(5):
            await client.put_object(Bucket=BUCKET, Key=f"notes/{number}.txt", Body=b"packets were here" * (number + 1))
        answer = await client.get_object(Bucket=BUCKET, Key="notes/0.txt")
        told.append(f"whole: {(await answer['Body'].read()).decode()}, ETag {answer['ETag']}")
        answer = await client.get_object(Bucket=BUCKET, Key="big.bin", Range="bytes=1000-1999")
        told.append(f"range: {len(await answer['Body'].read())} bytes, {answer['ContentRange']}")
        told.append(f"in parts: {await upload_in_parts(client)} bytes")
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix="notes/", PaginationConfig={"PageSize": 2}
        )
        told.append(f"pages: {[[item['Key'] for item in page['Contents']] async for page in pages]}")
        await client.delete_object(Bucket=BUCKET, Key="notes/4.txt")
        for key in ("notes/4.txt", "secret.bin"):
            try:
                await client.get_object(Bucket=BUCKET, Key=key)
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                told.append(f"{key}: {status} {error.response['Error']['Code']}")
    return told


async def use_without_a_route() -> str:
    """Try the same from the wrong subnet."""
    loop = asyncio.get_running_loop()
    config = AioConfig(proxies={}, connect_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
    began = loop.time()
    async with s3(config) as client:
        try:
            await client.get_object(Bucket=BUCKET, Key="big.bin")
        except ConnectTimeoutError as error:
            return f"{type(error).__name__} after {loop.time() - began:.3f} s"
    return "reached"


def main(folder: Path = Path("pcaps/out")) -> dict[str, Any]:
    """Run both programs in virtual time, and return what happened."""
    random.seed(1)
    with Network.load(TOPOLOGY, seed=1) as network:
        capture = network.capture("app", folder / "s3_with_aiobotocore.pcapng")
        told = network.run(use(), host="app")
        used = network.now / 1e9
        told.append(network.run(use_without_a_route(), host="isolated"))
        why = network.trace("isolated", "s3.us-east-1.amazonaws.com:80")
    for line in told:
        print(line)
    print(f"why: {why.blocker}")
    print(f"{used:.3f} virtual seconds with the endpoint, {capture.written} packets: {capture.path}")
    return {"told": told, "blocker": str(why.blocker), "used": used, "network": network, "capture": capture}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
