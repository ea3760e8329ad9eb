// Loaded before an outside program (node --require): it may listen on the loopback address and nowhere else.
const net = require("node:net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const [first, ...rest] = args;
  if (first !== null && typeof first === "object") return listen.call(this, { ...first, host: "127.0.0.1" }, ...rest);
  const done = args.find((argument) => typeof argument === "function");
  return listen.call(this, { port: Number(first ?? 0), host: "127.0.0.1" }, done);
};
