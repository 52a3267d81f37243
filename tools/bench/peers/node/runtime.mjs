// A minimal Lambda runtime for Node.js. AWS's own (the package aws-lambda-ric) compiles curl during installation, with tools
// that most machines lack. Both were compared: see docs/performance/benchmarks.md.

import http from 'node:http';

const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const path = '/2018-06-01/runtime/invocation/';

function call(method, suffix, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length };
    const request = http.request({ hostname, port, agent, method, path: path + suffix, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

const { handler } = await import(process.argv[2]);

for (;;) {
  const { headers, body } = await call('GET', 'next');
  const awsRequestId = headers['lambda-runtime-aws-request-id'];
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const context = { awsRequestId, getRemainingTimeInMillis: () => deadline - Date.now() };
  try {
    const answer = await handler(JSON.parse(body), context);
    await call('POST', `${awsRequestId}/response`, Buffer.from(JSON.stringify(answer)));
  } catch (error) {
    const failure = { errorType: error.name, errorMessage: error.message };
    await call('POST', `${awsRequestId}/error`, Buffer.from(JSON.stringify(failure)));
  }
}
