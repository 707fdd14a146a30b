import { describe, expect, it } from 'vitest'
import { folder, treeOf } from '../testing/world.ts'
import { parseJestJson } from './jest-json.ts'
import { parseXmlReport } from './junit.ts'
import { parseMocha, parseNodeTest } from './lines.ts'
import { pathsOf } from './paths.ts'

async function xml(text: string, files: Readonly<Record<string, string>> = {}) {
  using root = folder()
  return parseXmlReport('junit', text, await pathsOf(root.path, treeOf(files)))
}

describe('JUnit XML', () => {
  it('names tests by class, file or suite, in nested suites', async () => {
    const found = await xml(`<?xml version="1.0"?>
<testsuites><testsuite name="outer"><testsuite name="com.acme.ATest">
<testcase classname="com.acme.ATest" name="good" time="0.1"/>
<testcase classname="com.acme.ATest" name="bad &lt;1&gt;"><failure message="x">trace <![CDATA[ </testcase> ]]></failure><system-out>ok</system-out></testcase>
<testcase classname="com.acme.ATest" name="broken"><error/><skipped/></testcase>
<testcase classname="com.acme.ATest" name="later"><skipped/></testcase>
</testsuite><testcase name="loose"/></testsuite>
<testsuite name="s"><testcase file="test/a.rb" classname="test.a" name="one"/></testsuite></testsuites>`)
    expect(found?.counts).toEqual({ total: 6, passed: 3, failed: 2, skipped: 1 })
    expect(found?.tests?.map((test) => test.id)).toEqual([
      'com.acme.ATest > good',
      'com.acme.ATest > bad <1>',
      'com.acme.ATest > broken',
      'com.acme.ATest > later',
      'outer > loose',
      'test/a.rb > one',
    ])
    expect(found?.failing).toEqual(['com.acme.ATest > bad <1>', 'com.acme.ATest > broken'])
  })

  it('finds the file of a Python module, and tells equal names apart', async () => {
    const files = { 'api/tests/test_a.py': '', 'other/test_b.py': '' }
    const found = await xml(
      `<testsuite><testcase classname="tests.test_a.TestK" name="test_x"/><testcase classname="tests.test_a" name="test_y"/>
<testcase classname="tests.test_a" name="test_y"/><testcase classname="" name="other.test_b"><error/></testcase></testsuite>`,
      files,
    )
    expect(found?.tests?.map((test) => test.id)).toEqual([
      'api/tests/test_a.py > TestK > test_x',
      'api/tests/test_a.py > test_y',
      'api/tests/test_a.py > test_y (2)',
      'other/test_b.py',
    ])
  })

  it('reads TRX', async () => {
    const result = (name: string, outcome: string): string =>
      `<UnitTestResult testName="${name}" outcome="${outcome}"/>`
    const found = await xml(
      `<TestRun><Results>${result('A.x', 'Passed')}${result('A.y', 'Failed')}${result('A.z', 'NotExecuted')}</Results></TestRun>`,
    )
    expect(found).toMatchObject({ counts: { total: 3, passed: 1, failed: 1, skipped: 1 }, failing: ['A.y'] })
  })

  it.each([
    ['cut short', '<testsuite><testcase name="a"/>'],
    ['not a report', '<project><testcase name="a"/></project>'],
    ['not XML', 'ok 1'],
    ['empty', ''],
    [
      'entities of its own',
      '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
    ],
  ])('refuses what is %s', async (_name, text) => {
    expect(await xml(text)).toBeNull()
  })
})

describe('reports of other shapes', () => {
  it('a cut or foreign JSON is no report', async () => {
    using root = folder()
    const paths = await pathsOf(root.path, treeOf({}))
    expect(parseJestJson('jest', '{"testResults":[', paths)).toBeNull()
    expect(parseJestJson('jest', '{"testResults":[{"name":1}]}', paths)).toBeNull()
    const file = { name: `${root.path}/a.test.js`, status: 'failed', assertionResults: [] }
    expect(parseJestJson('jest', JSON.stringify({ testResults: [file] }), paths)).toMatchObject({
      failing: ['a.test.js'],
    })
  })

  it('lines without an end are incomplete', async () => {
    using root = folder()
    const paths = await pathsOf(root.path, treeOf({}))
    const line = JSON.stringify({
      ok: true,
      name: ['a'],
      file: `${root.path}/x.js`,
      suite: false,
      skip: false,
      todo: false,
      why: null,
    })
    expect(parseNodeTest(`${line}\n${line.slice(0, 20)}`, paths)).toMatchObject({
      complete: false,
      finding: { counts: { total: 1 } },
    })
    expect(parseNodeTest(`${line}\n{"end":true}\n`, paths)).toMatchObject({ complete: true })
    expect(parseMocha('{"begin":true}\n{"status":"fail","name":["s","x"],"file":null}\n', paths)).toMatchObject({
      complete: false,
      finding: { failing: ['s > x'] },
    })
  })
})
