import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { awsHttp } from "#lib/aws-http.ts";
import type { Clock } from "#lib/clock.ts";
import { awsFailure } from "./aws-failure.ts";
import { SinkFailure } from "./failure.ts";
import type { RecordLine } from "./record-line.ts";
import { objectKey } from "./s3-key.ts";
import type { DeliveryContext, Sink, SinkItem } from "./sink.ts";

const compress = promisify(gzip);

export interface S3Options {
  readonly bucket: string;
  /** Before every key, without a slash at its end; may be empty. */
  readonly prefix: string;
  readonly keyTemplate: string;
  readonly installation: string;
  readonly region: string;
  /** Absent: AWS itself, or what `AWS_ENDPOINT_URL_S3` says. One that is given is addressed with the bucket in the path. */
  readonly endpoint?: string | undefined;
  /** How objects are held (S3 Object Lock); the bucket must have been made with it. Absent: as the bucket says. */
  readonly objectLock?: { readonly mode: "GOVERNANCE" | "COMPLIANCE"; readonly retentionDays: number } | undefined;
  /** KMS key for encryption at rest. Absent: as the bucket says. */
  readonly kmsKeyID?: string | undefined;
  readonly clock: Clock;
}

const dayMs = 86_400_000;
/** A batch of a few MiB, compressed, leaves within seconds on any line that is worth using. */
const requestTimeoutMs = 60_000;

/**
 * Objects of gzipped JSON lines, one for each batch. A batch has the same key and the same bytes at every try, and an object is never
 * written over: a repeated delivery finds its own object, compares the checksum and is done.
 */
export class S3Sink implements Sink<RecordLine> {
  readonly #options: S3Options;
  readonly #client: S3Client;

  constructor(options: S3Options) {
    this.#options = options;
    const { region, endpoint } = options;
    this.#client = new S3Client({
      region,
      // The runner retries, at its own pace and where it is seen.
      maxAttempts: 1,
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      requestHandler: awsHttp(requestTimeoutMs),
    });
  }

  async deliver(items: readonly SinkItem<RecordLine>[], { signal, epoch }: DeliveryContext): Promise<void> {
    const { keyTemplate, prefix, installation, clock } = this.#options;
    const [first] = items;
    const last = items.at(-1);
    if (first === undefined || last === undefined) {
      return;
    }
    const { receivedMs } = first;
    const key = objectKey(keyTemplate, {
      prefix,
      installation,
      epoch,
      receivedMs,
      first: first.position,
      last: last.position,
    });
    const body = await compress(items.map(({ value }) => `${value.line}\n`).join(""));
    // Object Lock wants `Content-MD5` or `x-amz-sdk-checksum-algorithm` with every object (S3 API reference, PutObject).
    const checksum = sha256(body);
    try {
      await this.#put(key, body, checksum, signal);
    } catch (thrown) {
      if ((thrown as { name?: string }).name !== "PreconditionFailed") {
        throw awsFailure(thrown, "s3:PutObject", clock.now());
      }
      await this.#assertOurs(key, checksum, signal);
    }
  }

  close(): Promise<void> {
    this.#client.destroy();
    return Promise.resolve();
  }

  async #put(key: string, body: Buffer, checksum: string, signal: AbortSignal): Promise<void> {
    const { bucket, objectLock, kmsKeyID, clock } = this.#options;
    await this.#client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: body,
        ContentType: "application/x-ndjson",
        ContentEncoding: "gzip",
        ChecksumAlgorithm: "SHA256",
        ChecksumSHA256: checksum,
        IfNoneMatch: "*",
        ...(objectLock === undefined
          ? {}
          : {
              ObjectLockMode: objectLock.mode,
              ObjectLockRetainUntilDate: new Date(clock.now() + objectLock.retentionDays * dayMs),
            }),
        ...(kmsKeyID === undefined ? {} : { ServerSideEncryption: "aws:kms", SSEKMSKeyId: kmsKeyID }),
      }),
      { abortSignal: signal },
    );
  }

  /**
   * There is an object of that name: of the same batch, whose confirmation was lost, or of somebody who wants the batch to be taken for
   * delivered. Only the same bytes are ours.
   */
  async #assertOurs(key: string, checksum: string, signal: AbortSignal): Promise<void> {
    const { bucket, clock } = this.#options;
    let found: string;
    try {
      found = await this.#checksumOf(key, signal);
    } catch (thrown) {
      throw awsFailure(thrown, "s3:GetObject (to compare an object that is there already)", clock.now());
    }
    if (found !== checksum) {
      throw new SinkFailure("refused", `s3://${bucket}/${key} is there already and holds something else`);
    }
  }

  async #checksumOf(key: string, signal: AbortSignal): Promise<string> {
    const at = { Bucket: this.#options.bucket, Key: key };
    const head = await this.#client.send(new HeadObjectCommand({ ...at, ChecksumMode: "ENABLED" }), {
      abortSignal: signal,
    });
    if (head.ChecksumSHA256 !== undefined && head.ChecksumType !== "COMPOSITE") {
      return head.ChecksumSHA256;
    }
    // Not every server that speaks S3 keeps checksums.
    const { Body } = await this.#client.send(new GetObjectCommand(at), { abortSignal: signal });
    return sha256(Buffer.from((await Body?.transformToByteArray()) ?? []));
  }
}

/** As S3 writes it. */
function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("base64");
}
