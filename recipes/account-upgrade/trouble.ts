import { type Row, uuid } from '../database.ts'

/** People of the backend about whom something is not as it should be, by their number. */
export const BACKEND = {
  meiLin: 5001,
  designer: 5002,
  secondDesigner: 5003,
  samTheOlder: 5004,
  samTheYounger: 5005,
  sharedMail: [5006, 5007],
  nameless: 5008,
  feishuTwice: 5009,
  sharedOpenId: [5010, 5011],
  hasFeishuAlready: 5012,
  hasAnotherAccount: 5013,
} as const

/** People of the second database about whom something is not as it should be. */
export const PAGTIVE = {
  /** Their e-mail is Mei Lin's, in other cases. */
  meiLin: uuid('Mei.Lin@Example.COM'),
  meiLinAgain: uuid('MEI.LIN@example.com'),
  /** One e-mail, and the backend does not know it. */
  twin: uuid('twin'),
  otherTwin: uuid('other twin'),
  /** Her username belongs to somebody else in the backend, and so does the next one. */
  usernameTaken: uuid('username taken'),
  /** Two strangers with one username. */
  sameUsername: uuid('same username'),
  sameUsernameToo: uuid('same username too'),
  noEmail: uuid('no e-mail'),
  emptyEmail: uuid('empty e-mail'),
  noUsername: uuid('no username'),
  twoInBackend: uuid('two in the backend'),
  noTime: uuid('no time'),
  nothingToTake: uuid('nothing to take'),
  /** Projects name this user, whom no table has. */
  nobody: uuid('nobody'),
} as const

export const PROJECT = {
  ofNobody: uuid('project of nobody'),
  ofTwin: uuid('project of twin'),
  ofOtherTwin: uuid('project of other twin'),
  atNewYear: uuid('project at new year'),
  /** A detail and a log name this project, which no table has. */
  nowhere: uuid('project nowhere'),
} as const

/** Rows by table, in an order that foreign keys allow. */
export function backendTrouble(): Readonly<Record<string, readonly Row[]>> {
  const [shared, sharedToo] = BACKEND.sharedMail
  const [open, openToo] = BACKEND.sharedOpenId
  return {
    authentication_user: [
      user(BACKEND.meiLin, 'mei.lin', 'mei.lin@example.com'),
      user(BACKEND.designer, 'design', 'design-team@example.com'),
      user(BACKEND.secondDesigner, 'design_2', 'design-team-2@example.com'),
      user(BACKEND.samTheOlder, 'sam', 'Sam.Ode@example.com'),
      user(BACKEND.samTheYounger, 'sam.ode', 'sam.ode@example.com'),
      user(shared, 'office', 'office@example.com'),
      user(sharedToo, 'office2', 'office@example.com'),
      user(BACKEND.nameless, 'robot', ''),
      user(BACKEND.feishuTwice, 'twice', 'twice@example.com'),
      user(open, 'open1', 'open1@example.com'),
      user(openToo, 'open2', 'open2@example.com'),
      user(BACKEND.hasFeishuAlready, 'early', 'early@example.com'),
      user(BACKEND.hasAnotherAccount, 'octo', 'octo@example.com'),
    ],
    authentication_feishuauth: [
      feishu(BACKEND.feishuTwice, 'ou_first'),
      feishu(BACKEND.feishuTwice, 'ou_second'),
      feishu(open, 'ou_shared'),
      feishu(openToo, 'ou_shared'),
      feishu(BACKEND.hasFeishuAlready, 'ou_early'),
    ],
    authentication_useraccount: [
      account(BACKEND.hasFeishuAlready, 'oauth', 'feishu', 'ou_early'),
      account(BACKEND.hasAnotherAccount, 'oauth', 'github', 'octo'),
    ],
  }
}

function user(id: number, username: string, email: string): Row {
  return {
    id,
    password: `pbkdf2_sha256$600000$${id}`,
    is_superuser: false,
    username,
    first_name: '',
    last_name: '',
    email,
    is_staff: false,
    is_active: true,
    date_joined: '2023-05-01 12:00:00+08:00',
    status: null,
  }
}

const feishu = (user_id: number, open_id: string): Row => ({
  user_id,
  open_id,
  union_id: null,
  access_token: `u-${open_id}`,
  refresh_token: null,
  token_expires_at: '2025-01-01 00:00:00+08:00',
})

const account = (user_id: number, type: string, provider: string, provider_account_id: string): Row => ({
  user_id,
  type,
  provider,
  provider_account_id,
  is_primary: true,
})

/** Rows by table. */
export function pagtiveTrouble(): Readonly<Record<string, readonly Row[]>> {
  return {
    users: [
      person(PAGTIVE.meiLin, { email: 'Mei.Lin@Example.COM', username: 'meilin', status: 2, role: 'admin' }),
      person(PAGTIVE.meiLinAgain, {
        email: 'MEI.LIN@example.com',
        username: 'mei',
        status: 2,
        role: 'admin',
      }),
      person(PAGTIVE.twin, { email: 'twin@pagtive.example', username: 'twin' }),
      person(PAGTIVE.otherTwin, { email: 'Twin@Pagtive.Example', username: 'twin' }),
      person(PAGTIVE.usernameTaken, { email: 'new.designer@pagtive.example', username: 'design' }),
      person(PAGTIVE.sameUsername, { email: 'li.wei@one.example', username: 'li.wei' }),
      person(PAGTIVE.sameUsernameToo, { email: 'li.wei@two.example', username: 'li.wei' }),
      person(PAGTIVE.noEmail, { email: null, username: null, name: null }),
      person(PAGTIVE.emptyEmail, { email: '', username: 'ghost' }),
      person(PAGTIVE.noUsername, { email: 'only.mail@pagtive.example', username: null, name: null }),
      person(PAGTIVE.twoInBackend, { email: 'sam.ode@example.com', username: 'sam' }),
      person(PAGTIVE.noTime, { email: 'no.time@pagtive.example', username: 'no.time', created_at: null }),
      person(PAGTIVE.nothingToTake, {
        email: 'design-team@example.com',
        username: 'team',
        status: null,
        role: null,
        agreed_agreement_version: null,
      }),
    ],
    projects: [
      project(PROJECT.ofNobody, PAGTIVE.nobody),
      project(PROJECT.ofTwin, PAGTIVE.twin),
      project(PROJECT.ofOtherTwin, PAGTIVE.otherTwin),
      // Still the old year in Greenwich, and an hour that some zones skip.
      project(PROJECT.atNewYear, PAGTIVE.meiLin, '2024-01-01 07:59:59.999999', '2024-03-10 02:30:00'),
      project(uuid('project of no e-mail'), PAGTIVE.noEmail),
      project(uuid('project of two in the backend'), PAGTIVE.twoInBackend),
    ],
    project_details: [
      detail(PROJECT.ofNobody, 'page-1'),
      detail(PROJECT.ofNobody, 'page-2'),
      detail(PROJECT.nowhere, 'page-1'),
      detail(PROJECT.ofTwin, 'page-1'),
    ],
    project_llm_logs: [
      log('of nobody', PAGTIVE.nobody, PROJECT.ofTwin),
      log('of nowhere', PAGTIVE.twin, PROJECT.nowhere),
      log('of twin', PAGTIVE.otherTwin, PROJECT.ofTwin),
    ],
  }
}

const person = (id: string, about: Row): Row => ({
  id,
  email: null,
  name: 'Someone',
  username: null,
  status: 1,
  role: 'user',
  agreed_agreement_version: '2024-01',
  created_at: '2024-02-29 23:30:00',
  updated_at: '2024-03-01 00:00:00',
  ...about,
})

const project = (
  id: string,
  user_id: string,
  created_at = '2024-05-01 12:00:00',
  updated_at = '2024-05-02 12:00:00',
): Row => ({
  id,
  user_id,
  project_name: 'Trouble',
  pages: [],
  is_public: null,
  style_tags: null,
  is_featured: null,
  is_published: null,
  created_at,
  updated_at,
})

const detail = (project_id: string, page_id: string): Row => ({
  project_id,
  page_id,
  html: '<p>…</p>',
  versionId: 'v1',
  created_at: '2024-05-01 12:00:00',
  updated_at: '2024-05-01 12:00:00',
})

const log = (what: string, user_id: string, project_id: string): Row => ({
  id: uuid(`log ${what}`),
  user_id,
  project_id,
  model: 'gpt-4o',
  prompt_tokens: 1,
  completion_tokens: 2,
  created_at: '2024-05-01 12:00:00',
})
