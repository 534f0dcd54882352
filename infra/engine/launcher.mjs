// Starts fauxqs, the engine of queues and objects, on the loopback address. Its own command listens on every interface
// and has no option for that, so this builds the same server and binds it. The first argument is the port; 0 lets the
// system choose. It prints one line with the port once it listens, and stops when its standard input ends, which
// happens however the parent dies.
import { buildApp } from "fauxqs";

const app = buildApp({ logger: false, defaultRegion: process.env.FAUXQS_DEFAULT_REGION });
// It takes 11 MiB in one request; S3 takes 5 GiB, and the longest file that Almanac takes is one of 100 MB.
const mostBytes = 128 * 1024 * 1024;
app.removeContentTypeParser("*");
app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: mostBytes }, (_request, body, done) => done(null, body));
// A connection closed for idleness at the instant a client writes looks like a lost reply: a fault that only the fault
// proxy should cause.
app.server.keepAliveTimeout = 30 * 60 * 1000;
await app.listen({ host: "127.0.0.1", port: Number(process.argv[2]) });
process.stdout.write(`listening on port ${app.server.address().port}\n`);

process.stdin.on("end", () => process.exit(0)).resume();
