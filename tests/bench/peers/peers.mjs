// node peers.mjs PEER feed|batch|chain|start SECONDS: one measurement of another system, on a server that peers.py has made for it. Prints
// `rate N` (jobs or lives a second) or `p50 N p99 N` (milliseconds). ZTC_PEER says where the server is.
//
// An adapter is what a user of that system would write, and no more:
//   add(queue, text)          one job; resolves once the server has it on disk
//   addMany(queue, texts)     the system's own way to add many at once, where it has one
//   work(queue, take)         take(texts) for what is there; acknowledged when it resolves
//   ready()                   where workers start only when all are named
// Nothing is closed at the end: the server is thrown away.
import { performance } from 'node:perf_hooks'

const WARM_S = 0.5 // not counted: the just-in-time compiler's, and first connections
const IN_FLIGHT = 64
const BATCH = 1000
const BATCHES_IN_FLIGHT = 2
const STAGES = 6
const LIVES_IN_FLIGHT = 512
const RATE = 500

const ORDER = {
  need: '外来务工人员社保咨询与电子社保卡申领，请派人到村文化礼堂现场办理', category: 'social_insurance', expected_people: 120
}

// --- The adapters ---

async function bullmq (address) {
  const { Queue, Worker } = await import('bullmq')
  const [host, port] = address.split(':')
  const connection = { host, port: Number(port), maxRetriesPerRequest: null }
  const queues = {}
  const queue = name => (queues[name] ??= new Queue(name, { connection, defaultJobOptions: { removeOnComplete: true } }))
  return {
    add: (name, text) => queue(name).add('order', { text }),
    addMany: (name, texts) => queue(name).addBulk(texts.map(text => ({ name: 'order', data: { text } }))),
    async work (name, take) {
      const worker = new Worker(name, job => take([job.data.text]), { connection, concurrency: 100 })
      worker.on('error', fail)
      worker.on('failed', (_, error) => fail(error))
      await worker.waitUntilReady()
    }
  }
}

async function pgboss (address) {
  const { default: PgBoss } = await import('pg-boss')
  const boss = new PgBoss({ connectionString: address, max: 10, supervise: false, schedule: false })
  boss.on('error', fail)
  await boss.start()
  const made = {}
  const queue = name => (made[name] ??= boss.createQueue(name))
  return {
    async add (name, text) {
      await queue(name)
      await boss.send(name, { text })
    },
    async addMany (name, texts) {
      await queue(name)
      await boss.insert(texts.map(text => ({ name, data: { text } })))
    },
    async work (name, take) {
      await queue(name)
      // Half a second is the shortest interval it takes.
      await boss.work(name, { batchSize: 512, pollingIntervalSeconds: 0.5 }, jobs => take(jobs.map(job => job.data.text)).catch(fail))
    }
  }
}

async function graphile (address) {
  const { makeWorkerUtils, run, Logger } = await import('graphile-worker')
  const { default: pg } = await import('pg')
  const quiet = new Logger(() => () => {})
  // Few connections: each job added notifies, and PostgreSQL commits those one after another.
  const pool = new pg.Pool({ connectionString: address, max: 10 })
  pool.on('error', fail)
  const utils = await makeWorkerUtils({ pgPool: pool, logger: quiet })
  await utils.migrate()
  const tasks = {}
  return {
    add: (name, text) => utils.addJob(name, { text }),
    addMany: (name, texts) => utils.addJobs(texts.map(text => ({ identifier: name, payload: { text } }))),
    async work (name, take) {
      tasks[name] = ({ text }) => take([text]).catch(fail)
    },
    async ready () {
      const runner = await run({
        pgPool: pool,
        logger: quiet,
        taskList: tasks,
        noHandleSignals: true,
        preset: { worker: { concurrentJobs: 64, localQueue: { size: 128 }, completeJobBatchDelay: 0 } }
      })
      runner.promise.catch(fail)
    }
  }
}

async function rabbitmq (address) {
  const { default: amqp } = await import('amqplib')
  const connection = await amqp.connect(address)
  connection.on('error', fail)
  const publisher = await connection.createConfirmChannel()
  const made = {}
  const queue = name => (made[name] ??= publisher.assertQueue(name, { durable: true, arguments: { 'x-queue-type': 'quorum' } }))
  return {
    async add (name, text) {
      await queue(name)
      await new Promise((resolve, reject) => publisher.sendToQueue(name, Buffer.from(text), { persistent: true },
        error => error ? reject(error) : resolve()))
    },
    async work (name, take) {
      await queue(name)
      const channel = await connection.createChannel()
      await channel.prefetch(LIVES_IN_FLIGHT)
      await channel.consume(name, message => take([message.content.toString()]).then(() => channel.ack(message), fail))
    }
  }
}

const PEERS = { bullmq, pgboss, graphile, rabbitmq }

// --- The measurements ---

const now = () => performance.now() / 1000
const sleep = seconds => new Promise(resolve => setTimeout(resolve, 1000 * seconds))
const text = more => JSON.stringify({ ...ORDER, ...more })

function fail (error) {
  console.error(error)
  process.exit(1)
}

// `width` callers, each of which asks again when it has its answer; until the last answer.
async function pour (width, each, size, seconds) {
  const begin = now()
  let count = 0
  await Promise.all(Array.from({ length: width }, async () => {
    while (now() < begin + seconds) {
      await each()
      count += size
    }
  }))
  return { rate: count / (now() - begin) }
}

async function warmed (width, each, size, seconds) {
  await pour(width, each, size, WARM_S)
  return pour(width, each, size, seconds)
}

const feed = (peer, seconds) => warmed(IN_FLIGHT, () => peer.add('feed', text()), 1, seconds)

function batch (peer, seconds) {
  const texts = Array.from({ length: BATCH }, () => text())
  return warmed(BATCHES_IN_FLIGHT, () => peer.addMany('batch', texts), BATCH, seconds)
}

// Whole lives, the last one's end included, as ours are measured. A batch that arrives together goes on together where that is possible.
async function chain (peer, seconds) {
  const stage = i => `stage${i}`
  const onward = (name, texts) => texts.length > 1 && peer.addMany
    ? peer.addMany(name, texts)
    : Promise.all(texts.map(one => peer.add(name, one)))
  let begin
  let begun = LIVES_IN_FLIGHT
  let done = 0
  let finish
  const finished = new Promise(resolve => { finish = resolve })
  for (let i = 0; i < STAGES; i++) {
    await peer.work(stage(i), async texts => {
      if (i + 1 < STAGES) {
        return onward(stage(i + 1), texts)
      }
      done += texts.length
      if (now() < begin + seconds) {
        begun += texts.length
        return onward(stage(0), texts)
      }
      if (done === begun) {
        finish()
      }
    })
  }
  await peer.ready?.()
  begin = now()
  await onward(stage(0), Array.from({ length: LIVES_IN_FLIGHT }, () => text()))
  await finished
  return { rate: done / (now() - begin) }
}

// From the call that adds a job to its worker's first statement, jobs being added at times of their own.
async function start (peer, seconds) {
  const delays = []
  const wanted = Math.round(RATE * seconds)
  const warm = Math.round(RATE * WARM_S)
  let finish
  const finished = new Promise(resolve => { finish = resolve })
  await peer.work('start', async texts => {
    const arrived = now()
    for (const one of texts) {
      delays.push(arrived - JSON.parse(one).at)
    }
    if (delays.length === warm + wanted) {
      finish()
    }
  })
  await peer.ready?.()
  const begin = now()
  for (let i = 0; i < warm + wanted;) {
    for (; i < warm + wanted && begin + i / RATE <= now(); i++) {
      peer.add('start', text({ at: now() })).catch(fail)
    }
    await sleep(0.001)
  }
  await finished
  const counted = delays.slice(warm).sort((a, b) => a - b)
  const quantile = share => 1000 * counted[Math.min(counted.length - 1, Math.floor(counted.length * share))]
  return { p50: quantile(0.5), p99: quantile(0.99) }
}

const MEASURES = { feed, batch, chain, start }

const [name, measure, seconds] = process.argv.slice(2)
const peer = await PEERS[name](process.env.ZTC_PEER)
const got = await MEASURES[measure](peer, Number(seconds))
console.log(Object.entries(got).map(([key, value]) => `${key} ${value.toFixed(3)}`).join(' '))
process.exit(0)
