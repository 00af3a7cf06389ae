// An OPC UA server of another maker (node-opcua) in the hand of a test.
//
//   node server.js '{"port": 4840, "folder": "/tmp/x", "certificate": "server.pem", "key": "server.key",
//                    "users": {"reader": "word"}, "values": {"power": ["Double", 1.5]}, "uri": "urn:test:machine"}'
//
// Each value is a variable `ns=<uri>;s=<name>` below Objects/Machine; of numbers the history is kept in memory.
// Commands come as one JSON a line on standard input and are answered by one JSON a line: {"set": {"power": 2.5}, "time": ms}
// {"status": {"power": "BadSensorFailure"}}, {"drop_subscriptions": true}. The end of the input ends the server.
"use strict";
const readline = require("node:readline");
const opcua = require("node-opcua");

const options = JSON.parse(process.argv[2]);
const tell = (message) => process.stdout.write(JSON.stringify(message) + "\n");

async function main() {
    const certificates = new opcua.OPCUACertificateManager({
        rootFolder: options.folder, automaticallyAcceptUnknownCertificate: true, disableFileWatcher: true,
    });
    await certificates.initialize();
    const users = options.users || {};
    const server = new opcua.OPCUAServer({
        port: options.port, host: "127.0.0.1", hostname: "127.0.0.1", resourcePath: "/",
        serverInfo: { applicationUri: options.applicationUri, applicationName: { text: "node-opcua" } },
        certificateFile: options.certificate, privateKeyFile: options.key,
        serverCertificateManager: certificates, userCertificateManager: certificates,
        securityPolicies: [opcua.SecurityPolicy.Basic256Sha256], securityModes: [opcua.MessageSecurityMode.SignAndEncrypt],
        allowAnonymous: false,
        registerServerMethod: opcua.RegisterServerMethod.HIDDEN,
        userManager: { isValidUser: (name, word) => Object.hasOwn(users, name) && users[name] === word },
        nodeset_filename: [opcua.nodesets.standard],
    });
    await server.initialize();
    const space = server.engine.addressSpace;
    const namespace = space.registerNamespace(options.uri);
    const machine = namespace.addObject({
        organizedBy: space.rootFolder.objects, browseName: "Machine", nodeId: `ns=${namespace.index};s=Machine`,
    });
    const nodes = {};
    for (const [name, [type, value]] of Object.entries(options.values)) {
        const array = Array.isArray(value);
        const node = namespace.addVariable({
            componentOf: machine, browseName: name, nodeId: `ns=${namespace.index};s=${name}`, dataType: type,
            valueRank: array ? 1 : -1, arrayDimensions: array ? [value.length] : undefined, minimumSamplingInterval: 20,
            value: variant(type, value),
        });
        if (typeof value === "number") space.installHistoricalDataNode(node);
        nodes[name] = node;
    }
    await server.start();
    tell({ ready: true, namespace: namespace.index, endpoint: server.getEndpointUrl() });

    for await (const line of readline.createInterface({ input: process.stdin })) {
        const command = JSON.parse(line);
        for (const [name, value] of Object.entries(command.set || {})) {
            const time = command.time === undefined ? new Date() : new Date(command.time);
            nodes[name].setValueFromSource(variant(options.values[name][0], value), opcua.StatusCodes.Good, time);
        }
        for (const [name, status] of Object.entries(command.status || {})) {
            nodes[name].setValueFromSource(nodes[name].readValue().value, opcua.StatusCodes[status]);
        }
        if (command.drop_subscriptions) dropSubscriptions(server);
        tell({ done: true, sessions: server.engine.currentSessionCount, subscriptions: server.engine.currentSubscriptionCount });
    }
    await server.shutdown(0);
    process.exit(0);
}

function dropSubscriptions(server) {
    // as a server that restarts its inner parts: the session and the connection stay, the subscriptions are gone
    for (const session of server.engine.getSessions ? server.engine.getSessions() : Object.values(server.engine._sessions)) {
        for (const subscription of [...session.publishEngine.subscriptions]) session.deleteSubscription(subscription.id);
    }
}

function variant(type, value) {
    const arrayType = Array.isArray(value) ? opcua.VariantArrayType.Array : opcua.VariantArrayType.Scalar;
    return new opcua.Variant({ dataType: opcua.DataType[type], arrayType, value });
}

main().catch((error) => {
    tell({ error: String(error && error.stack) });
    process.exit(1);
});
