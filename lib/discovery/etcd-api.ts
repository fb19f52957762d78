/**
 * What is used of etcd's API, version 3: the messages and services of its `rpc.proto` and `kv.proto`, with the fields that
 * matter here. The numbers are those of the protocol, and never change.
 *
 * https://etcd.io/docs/v3.5/dev-guide/api_reference_v3/
 */

type Fields = Readonly<Record<string, readonly [type: string, id: number] | readonly ['repeated', string, number]>>

function message(fields: Fields, oneofs: Readonly<Record<string, readonly string[]>> = {}): object {
  const described = Object.entries(fields).map(([name, field]) => {
    const [first, second, third] = field
    return [name, first === 'repeated' ? { rule: 'repeated', type: second, id: third } : { type: first, id: second }]
  })
  const choices = Object.entries(oneofs).map(([name, oneof]) => [name, { oneof }])
  return { fields: Object.fromEntries(described), ...(choices.length > 0 && { oneofs: Object.fromEntries(choices) }) }
}

/** Each method takes `NAMERequest`, and answers `NAMEResponse`. */
function service(unary: readonly string[], streaming: readonly string[] = []): object {
  const method = (name: string, streams: object): [string, object] => [
    name,
    { requestType: `${name}Request`, responseType: `${name}Response`, ...streams },
  ]
  return {
    methods: Object.fromEntries([
      ...unary.map((name) => method(name, {})),
      ...streaming.map((name) => method(name, { requestStream: true, responseStream: true })),
    ]),
  }
}

const keyValue = message({
  key: ['bytes', 1],
  modRevision: ['int64', 3],
  value: ['bytes', 5],
  lease: ['int64', 6],
})

const event = message({ type: ['EventType', 1], kv: ['KeyValue', 2] })

const messages = {
  ResponseHeader: message({ clusterId: ['uint64', 1], revision: ['int64', 3] }),
  RangeRequest: message({ key: ['bytes', 1], rangeEnd: ['bytes', 2] }),
  RangeResponse: message({ header: ['ResponseHeader', 1], kvs: ['repeated', 'mvccpb.KeyValue', 2] }),
  PutRequest: message({ key: ['bytes', 1], value: ['bytes', 2], lease: ['int64', 3], ignoreLease: ['bool', 6] }),
  DeleteRangeRequest: message({ key: ['bytes', 1] }),
  RequestOp: message(
    {
      requestRange: ['RangeRequest', 1],
      requestPut: ['PutRequest', 2],
      requestDeleteRange: ['DeleteRangeRequest', 3],
    },
    { request: ['requestRange', 'requestPut', 'requestDeleteRange'] },
  ),
  ResponseOp: message({ responseRange: ['RangeResponse', 1] }),
  Compare: message({ result: ['int32', 1], target: ['int32', 2], key: ['bytes', 3], modRevision: ['int64', 6] }),
  TxnRequest: message({
    compare: ['repeated', 'Compare', 1],
    success: ['repeated', 'RequestOp', 2],
    failure: ['repeated', 'RequestOp', 3],
  }),
  TxnResponse: message({
    header: ['ResponseHeader', 1],
    succeeded: ['bool', 2],
    responses: ['repeated', 'ResponseOp', 3],
  }),
  WatchCreateRequest: message({ key: ['bytes', 1], rangeEnd: ['bytes', 2], startRevision: ['int64', 3] }),
  WatchRequest: message({ createRequest: ['WatchCreateRequest', 1] }),
  WatchResponse: message({
    header: ['ResponseHeader', 1],
    created: ['bool', 3],
    canceled: ['bool', 4],
    compactRevision: ['int64', 5],
    cancelReason: ['string', 6],
    events: ['repeated', 'mvccpb.Event', 11],
  }),
  LeaseGrantRequest: message({ TTL: ['int64', 1] }),
  LeaseGrantResponse: message({ ID: ['int64', 2], TTL: ['int64', 3] }),
  LeaseRevokeRequest: message({ ID: ['int64', 1] }),
  LeaseRevokeResponse: message({ header: ['ResponseHeader', 1] }),
  LeaseTimeToLiveRequest: message({ ID: ['int64', 1] }),
  LeaseTimeToLiveResponse: message({ ID: ['int64', 2], TTL: ['int64', 3], grantedTTL: ['int64', 4] }),
  LeaseKeepAliveRequest: message({ ID: ['int64', 1] }),
  LeaseKeepAliveResponse: message({ ID: ['int64', 2], TTL: ['int64', 3] }),
  AuthenticateRequest: message({ name: ['string', 1], password: ['string', 2] }),
  AuthenticateResponse: message({ token: ['string', 2] }),
}

const services = {
  KV: service(['Range', 'Txn']),
  Watch: service([], ['Watch']),
  Lease: service(['LeaseGrant', 'LeaseRevoke', 'LeaseTimeToLive'], ['LeaseKeepAlive']),
  Auth: service(['Authenticate']),
}

/** In the form that protobufjs calls JSON. */
export const etcdApi: object = {
  nested: {
    mvccpb: { nested: { KeyValue: keyValue, EventType: { values: { PUT: 0, DELETE: 1 } }, Event: event } },
    etcdserverpb: { nested: { ...messages, ...services } },
  },
}

/** Numbers of 64 bits are texts. */
export interface ResponseHeader {
  readonly clusterId: string
  readonly revision: string
}

export interface KeyValue {
  readonly key: Buffer
  readonly modRevision: string
  readonly value: Buffer
  /** `0`: none. */
  readonly lease: string
}

export interface RangeResponse {
  readonly header: ResponseHeader
  readonly kvs: readonly KeyValue[]
}

export interface WatchResponse {
  readonly header: ResponseHeader
  readonly created: boolean
  readonly canceled: boolean
  /** `0`, unless the revision that was asked for is no longer there. */
  readonly compactRevision: string
  readonly cancelReason: string
  readonly events: readonly { readonly type: 'PUT' | 'DELETE'; readonly kv: KeyValue }[]
}

export interface TxnResponse {
  readonly header: ResponseHeader
  readonly succeeded: boolean
  readonly responses: readonly { readonly responseRange?: RangeResponse }[]
}

/** Methods that take one message and answer one. */
export interface EtcdCalls {
  readonly 'KV.Range': { request: object; response: RangeResponse }
  readonly 'KV.Txn': { request: object; response: TxnResponse }
  readonly 'Lease.LeaseGrant': { request: { TTL: number }; response: { ID: string; TTL: string } }
  readonly 'Lease.LeaseRevoke': { request: { ID: string }; response: object }
  readonly 'Lease.LeaseTimeToLive': { request: { ID: string }; response: { TTL: string; grantedTTL: string } }
  readonly 'Auth.Authenticate': { request: { name: string; password: string }; response: { token: string } }
}
