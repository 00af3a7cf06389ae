// An OPC UA client of another maker (node-opcua): does what it is told, prints one JSON with what it found, and ends.
//
//   node client.js '{"endpoint": "opc.tcp://127.0.0.1:4840", "folder": "/tmp/x", "certificate": "client.pem", "key": "client.key",
//                    "applicationUri": "urn:test:client", "policy": "Basic256Sha256", "mode": "SignAndEncrypt",
//                    "user": "reader", "password": "word",
//                    "browse": ["RootFolder"], "read": ["ns=2;s=power"], "write": {"ns=2;s=power": ["Double", 1]},
//                    "subscribe": ["ns=2;s=power"], "seconds": 2, "interval": 250, "history": {"nodes": [...], "from": ms, "to": ms}}'
//
// Nodes may name their namespace by URI: "nsu=urn:x;s=power". The answer: {"namespaces", "read", "written", "browse", "changes", "history"},
// or {"error": <words of the library or the name of the status>, "step": <where>}. A data value: {"value", "type", "status", "source" (ms), "server" (ms)}.
"use strict";
const opcua = require("node-opcua");

const options = JSON.parse(process.argv[2]);
let step = "connect";

async function main() {
    const found = {};
    const certificates = new opcua.OPCUACertificateManager({
        rootFolder: options.folder, automaticallyAcceptUnknownCertificate: true, disableFileWatcher: true,
    });
    await certificates.initialize();
    const client = opcua.OPCUAClient.create({
        applicationName: "node-opcua client", applicationUri: options.applicationUri,
        securityPolicy: opcua.SecurityPolicy[options.policy || "Basic256Sha256"],
        securityMode: opcua.MessageSecurityMode[options.mode || "SignAndEncrypt"],
        certificateFile: options.certificate, privateKeyFile: options.key, clientCertificateManager: certificates,
        endpointMustExist: false, keepSessionAlive: false,
        connectionStrategy: { maxRetry: 0, initialDelay: 100 }, transportTimeout: 20000,
    });
    try {
        await client.connect(options.endpoint);
        step = "session";
        const identity = options.user === undefined ? { type: opcua.UserTokenType.Anonymous }
            : { type: opcua.UserTokenType.UserName, userName: options.user, password: options.password };
        const session = await client.createSession(identity);
        step = "namespaces";
        found.namespaces = await session.readNamespaceArray();
        const node = (text) => resolved(text, found.namespaces);
        if (options.browse) found.browse = await browse(session, options.browse.map(node));
        if (options.read) found.read = await read(session, options.read.map(node));
        if (options.write) found.written = await write(session, options.write, node);
        if (options.subscribe) found.changes = await subscribe(session, options.subscribe, node);
        if (options.history) found.history = await history(session, options.history, node);
        step = "close";
        await session.close();
    } finally {
        await client.disconnect();
    }
    return found;
}

function resolved(text, namespaces) {
    const parts = /^nsu=([^;]*);(.*)$/.exec(text);
    if (parts === null) return text;
    const index = namespaces.indexOf(parts[1]);
    if (index < 0) throw new Error(`the server has no namespace ${parts[1]}`);
    return `ns=${index};${parts[2]}`;
}

async function read(session, nodes) {
    step = "read";
    const values = await session.read(nodes.map((nodeId) => ({ nodeId, attributeId: opcua.AttributeIds.Value })));
    return Object.fromEntries(values.map((value, i) => [options.read[i], shown(value)]));
}

async function write(session, wanted, node) {
    step = "write";
    const written = {};
    for (const [text, [type, value]] of Object.entries(wanted)) {
        const status = await session.write({
            nodeId: node(text), attributeId: opcua.AttributeIds.Value, value: { value: { dataType: opcua.DataType[type], value } },
        });
        written[text] = status.name;
    }
    return written;
}

async function browse(session, nodes) {
    // each folder's references, by its name in the request
    step = "browse";
    const all = {};
    for (let i = 0; i < nodes.length; i++) {
        let result = await session.browse({
            nodeId: nodes[i], browseDirection: opcua.BrowseDirection.Forward, referenceTypeId: "HierarchicalReferences",
            includeSubtypes: true, nodeClassMask: 0, resultMask: 63,
        });
        const references = [...(result.references || [])];
        while (result.continuationPoint && result.continuationPoint.length) {
            result = await session.browseNext(result.continuationPoint, false);
            references.push(...(result.references || []));
        }
        all[options.browse[i]] = references.map((one) => ({
            node: one.nodeId.toString(), name: one.browseName.name, shown: one.displayName.text, class: opcua.NodeClass[one.nodeClass],
        }));
    }
    return all;
}

async function subscribe(session, texts, node) {
    step = "subscribe";
    const interval = options.interval || 250;
    const subscription = await session.createSubscription2({
        requestedPublishingInterval: interval, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 10,
        maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 0,
    });
    const changes = Object.fromEntries(texts.map((text) => [text, []]));
    const group = opcua.ClientMonitoredItemGroup.create(
        subscription, texts.map((text) => ({ nodeId: node(text), attributeId: opcua.AttributeIds.Value })),
        { samplingInterval: interval, discardOldest: true, queueSize: 100 }, opcua.TimestampsToReturn.Both,
    );
    group.on("changed", (_item, value, index) => changes[texts[index]].push(shown(value)));
    await new Promise((resolve) => setTimeout(resolve, 1000 * (options.seconds || 2)));
    await subscription.terminate();
    return changes;
}

async function history(session, wanted, node) {
    step = "history";
    const all = {};
    for (const text of wanted.nodes) {
        const details = new opcua.ReadRawModifiedDetails({
            isReadModified: false, startTime: new Date(wanted.from), endTime: new Date(wanted.to),
            numValuesPerNode: wanted.atATime || 0, returnBounds: false,
        });
        const values = [];
        let continuationPoint;
        let status;
        do {
            const request = new opcua.HistoryReadRequest({
                historyReadDetails: details, timestampsToReturn: opcua.TimestampsToReturn.Both, releaseContinuationPoints: false,
                nodesToRead: [{ nodeId: node(text), continuationPoint }],
            });
            const response = await session.performMessageTransaction(request);
            const [result] = response.results;
            status = result.statusCode.name;
            if (result.historyData) values.push(...(result.historyData.dataValues || []).map(shown));
            continuationPoint = result.continuationPoint;
        } while (continuationPoint && continuationPoint.length);
        all[text] = { status, values };
    }
    return all;
}

function shown(value) {
    const what = value.value;
    return {
        value: what ? plain(what.value) : null, type: what ? opcua.DataType[what.dataType] : null, status: value.statusCode.name,
        source: value.sourceTimestamp ? value.sourceTimestamp.getTime() : null,
        server: value.serverTimestamp ? value.serverTimestamp.getTime() : null,
    };
}

function plain(value) {
    if (ArrayBuffer.isView(value)) return Array.from(value);
    if (value !== null && typeof value === "object" && "text" in value) return value.text;
    if (typeof value === "bigint") return value.toString();
    return value === undefined ? null : value;
}

main().then(
    (found) => finish(found, 0),
    (error) => finish({ error: String((error && error.message) || error), step }, 1),
);

function finish(message, code) {
    process.stdout.write(JSON.stringify(message) + "\n", () => process.exit(code));
}
