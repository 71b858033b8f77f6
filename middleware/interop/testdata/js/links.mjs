// Signs with the AWS SDKs for JavaScript, and verifies with OpenSSL.
//
// Reads a list of jobs as JSON from standard input. A job names one of the
// calls below and its input. Writes the list of results, each a string.

import { verify } from "node:crypto";
import { text } from "node:stream/consumers";

import * as s3 from "@aws-sdk/client-s3";
import * as cloudfront from "@aws-sdk/cloudfront-signer";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const calls = {
  cloudfrontURL: (input) => cloudfront.getSignedUrl(input),

  // As a browser would send the cookies back.
  cloudfrontCookies: (input) =>
    Object.entries(cloudfront.getSignedCookies(input))
      .map(([name, value]) => `${name}=${value}`)
      .join("; "),

  s3URL: ({ client, command, input, at, options }) =>
    getSignedUrl(new s3.S3Client(client), new s3[command](input), { ...options, signingDate: new Date(at) }),

  verify: ({ algorithm, text, key, signature }) =>
    String(verify(algorithm, Buffer.from(text, "base64"), key, Buffer.from(signature, "base64"))),
};

const jobs = JSON.parse(await text(process.stdin));
console.log(JSON.stringify(await Promise.all(jobs.map(({ call, input }) => calls[call](input)))));
