// Stands for the activation process and the document socket behind the approval
// origin, on Unix sockets. It remembers what it was sent, and judges nothing:
// signer/activation has its own tests.
import http from 'node:http';
import path from 'node:path';
import * as make from './make.mjs';

export class Stub {
  constructor() {
    this.service = make.service();
    this.txs = new Map(); // tx -> {offer, documents}
    this.enrolments = new Map();
    this.bodies = []; // {path, body} of each POST
    this.answers = {}; // path's end -> (body) => [status, object], instead of the usual
    this.certificate = make.sha256('certificate');
  }

  /** Listens on the sockets in the folder. */
  async listen(folder) {
    const on = (name, handler) => new Promise((resolve) => {
      const server = http.createServer(async (req, res) => {
        const chunks = [];
        for await (const c of req) chunks.push(c);
        handler(req, res, Buffer.concat(chunks).toString());
      });
      server.listen(path.join(folder, name), () => resolve(server));
    });
    this.servers = [
      await on('approval-activation.sock', (req, res, body) => this.activation(req, res, body)),
      await on('documents.sock', (req, res) => this.documents(req, res)),
    ];
  }

  close() {
    for (const s of this.servers) s.closeAllConnections(), s.close();
  }

  /** Opens a transaction over files {name, bytes}. */
  async open(files, more = {}) {
    const documents = files.map((f) => make.prepare(f.bytes, f.name, this.certificate));
    const offer = await make.signOffer(this.service, documents, more);
    this.txs.set(offer.tx, { offer, documents });
    return offer.tx;
  }

  enrol(more = {}) {
    const offer = make.enrolOffer(this.service, more);
    this.enrolments.set(offer.enrolment, { offer });
    return offer.enrolment;
  }

  activation(req, res, text) {
    const send = (status, value) => {
      res.writeHead(status, { 'Content-Type': status === 200 ? 'application/json' : 'application/problem+json' });
      res.end(JSON.stringify(value));
    };
    const [, , kind, id, act] = req.url.split('/');
    if (req.method === 'POST') this.bodies.push({ path: req.url, body: text });
    if (kind === 'identity') return send(200, { key: this.service.spki });
    if (kind === 'alarm') return send(200, {});
    const known = (kind === 'tx' ? this.txs : this.enrolments).get(id);
    if (!known) return send(404, { code: 'not-found' });
    if (req.method === 'GET') return send(200, this.service.envelope(known.offer));
    const body = JSON.parse(text);
    if (this.answers[act]) return send(...this.answers[act](body, known));
    switch (act) {
      case 'approve':
        known.offer.state = 'approved';
        return send(200, { state: 'approved', at: make.inMinutes(0) });
      case 'decline':
        known.offer.state = 'declined';
        return send(200, { state: 'declined' });
      case 'passkey':
        Object.assign(known.offer, { state: 'ticket', passkey: body.id });
        return send(200, { state: 'ticket' });
      case 'seal':
        known.offer.state = 'made';
        return send(200, { state: 'made' });
    }
    send(404, { code: 'not-found' });
  }

  documents(req, res) {
    const [, , , tx, , n] = req.url.split('/');
    const document = this.txs.get(tx)?.documents[Number(n)];
    if (!document) return res.writeHead(404).end();
    res.writeHead(200, { 'Content-Type': 'application/pdf', 'Content-Length': document.bytes.length });
    res.end(document.bytes);
  }
}
