import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** Steps of pgjdbc. */
public final class Pgjdbc {
  private static String json;
  private static String name;
  private static Connection connection;

  public static void main(String[] arguments) throws Exception {
    json = arguments[0];
    name = Steps.told(json, "name");
    connection = connect("extended");
    Steps.step("connect", () -> Steps.rows(connection, "select current_user::text, current_setting('client_encoding'), current_setting('server_version')"));
    Steps.step("simple query", Pgjdbc::simple);
    Steps.step("parameters", Pgjdbc::parameters);
    Steps.step("prepared statement", Pgjdbc::prepared);
    Steps.step("error and going on", () -> List.of(
        Steps.failure(() -> Steps.exec(connection, "selec 1")),
        Steps.failure(() -> Steps.rows(connection, "select 1 / ?::int", 0)),
        Steps.rows(connection, "select 1")));
    Steps.step("transaction", Pgjdbc::transaction);
    Steps.step("several statements", Pgjdbc::several);
    Steps.step("large result", () -> Steps.hash(Steps.rows(connection, "select n, repeat('x', n % 100) from generate_series(1, 50000) n")));
    Steps.step("large parameter", () -> Steps.rows(connection, "select length(?), md5(?)", "ü".repeat(1_500_000), "ü".repeat(1_500_000)));
    Steps.step("bulk in", Pgjdbc::bulkIn);
    Steps.step("bulk out", Pgjdbc::bulkOut);
    Steps.step("cursor", Pgjdbc::cursor);
    Steps.step("pipeline", Pgjdbc::batch);
    Steps.step("pipeline with an error", Pgjdbc::brokenBatch);
    Steps.step("cancel", Pgjdbc::cancel);
    Steps.step("notifications", Pgjdbc::notifications);
    Steps.step("notices", Pgjdbc::notices);
    Steps.step("reconnect", Pgjdbc::reconnect);
    Steps.step("very large parameter", () -> Steps.rows(connection, "select length(?)", "ü".repeat(9_000_000)));
    connection.close();
  }

  private static Connection connect(String mode) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", Steps.told(json, "user"));
    properties.setProperty("password", Steps.told(json, "password"));
    properties.setProperty("sslmode", "disable");
    properties.setProperty("gssEncMode", "disable");
    properties.setProperty("preferQueryMode", mode);
    properties.setProperty("prepareThreshold", "2");
    String url = "jdbc:postgresql://" + Steps.told(json, "host") + ":" + Steps.told(json, "port") + "/" + Steps.told(json, "database");
    return DriverManager.getConnection(url, properties);
  }

  private static Object simple() throws Exception {
    try (Connection plain = connect("simple")) {
      return List.of(Steps.rows(plain, "select 6 * 7, 'text', null, 'ünï—🚪', ?", 7), Steps.failure(() -> Steps.rows(plain, "select 1 / ?", 0)));
    }
  }

  private static Object parameters() throws SQLException {
    List<Object> answers = new ArrayList<>();
    String sql = "select ?::text, ?::text, ?::int, ?::bigint, ?::numeric, ?::float8, ?::bool, ?::bytea, (?::timestamptz at time zone 'UTC')::text, ?::int[]::text, ?::json::text";
    // From the third time on the statement is a named one, with binary results.
    for (int time = 0; time < 4; time += 1) {
      answers.add(Steps.rows(connection, sql, null, "it's ünï—🚪 \\ \n", -7, 9007199254740993L, new BigDecimal("12345678901234567890.123456789"), 0.1, true,
          new byte[] {0, 1, 39, 92, -1}, OffsetDateTime.of(2026, 2, 3, 4, 5, 6, 789_000_000, ZoneOffset.UTC), connection.createArrayOf("int4", new Integer[] {1, 2, 3}), "{\"a\": [null]}"));
    }
    return answers;
  }

  private static Object prepared() throws SQLException {
    List<Object> answers = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement("select ?::int * 2")) {
      for (Integer value : Arrays.asList(1, 2, 3, 4, 5, null)) {
        statement.setObject(1, value, java.sql.Types.INTEGER);
        answers.add(Steps.rows(statement.executeQuery()));
      }
    }
    return answers;
  }

  private static Object transaction() throws Exception {
    String table = name + "_t";
    Steps.exec(connection, "create table " + table + " (n int primary key, t text)");
    connection.setAutoCommit(false);
    Steps.exec(connection, "insert into " + table + " values (1, 'gone')");
    connection.rollback();
    Steps.exec(connection, "insert into " + table + " values (2, 'kept')");
    Savepoint savepoint = connection.setSavepoint();
    String twice = Steps.failure(() -> Steps.exec(connection, "insert into " + table + " values (2, 'twice')"));
    String after = Steps.failure(() -> Steps.rows(connection, "select 1"));
    connection.rollback(savepoint);
    connection.commit();
    connection.setAutoCommit(true);
    return List.of(twice, after, Steps.rows(connection, "select * from " + table));
  }

  private static Object several() throws Exception {
    List<Object> answers = new ArrayList<>();
    try (Statement statement = connection.createStatement()) {
      boolean isResult = statement.execute("select 1 as a; select 'x;y' as b; create temp table z (n int); insert into z values (1), (2)");
      while (isResult || statement.getUpdateCount() != -1) {
        answers.add(isResult ? Steps.rows(statement.getResultSet()) : statement.getUpdateCount());
        isResult = statement.getMoreResults();
      }
    }
    answers.add(Steps.failure(() -> Steps.exec(connection, "select 1; select 1 / 0; select 2")));
    return answers;
  }

  private static Object bulkIn() throws Exception {
    Steps.exec(connection, "create table " + name + "_copy (n int, t text)");
    StringBuilder lines = new StringBuilder();
    for (int n = 0; n < 10_000; n += 1) {
      lines.append(n).append("\tline ").append(n).append('\n');
    }
    String copy = "copy " + name + "_copy from stdin";
    long count = ((PGConnection) connection).getCopyAPI().copyIn(copy, new StringReader(lines.toString()));
    String broken = Steps.failure(() -> ((PGConnection) connection).getCopyAPI().copyIn(copy, new StringReader("not a number\tx\n")));
    return List.of(count, broken, Steps.rows(connection, "select count(*), sum(n), md5(string_agg(t, ',' order by n)) from " + name + "_copy"));
  }

  private static Object bulkOut() throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    long count = ((PGConnection) connection).getCopyAPI().copyOut("copy (select * from " + name + "_copy order by n) to stdout", out);
    return List.of(count, Steps.hash(out.toString("UTF-8")));
  }

  private static Object cursor() throws SQLException {
    connection.setAutoCommit(false);
    int count = 0;
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(300);
      ResultSet found = statement.executeQuery("select n from generate_series(1, 1000) n");
      while (found.next()) {
        count += 1;
      }
    }
    connection.commit();
    connection.setAutoCommit(true);
    return count;
  }

  private static Object batch() throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("insert into " + name + "_copy values (?, ?)")) {
      for (int n = 0; n < 500; n += 1) {
        statement.setInt(1, n);
        statement.setString(2, "batch");
        statement.addBatch();
      }
      return Arrays.stream(statement.executeBatch()).sum();
    }
  }

  private static Object brokenBatch() throws Exception {
    try (Statement statement = connection.createStatement()) {
      for (int n = -2; n < 3; n += 1) {
        statement.addBatch("insert into " + name + "_copy values (1 / " + n + ", 'broken')");
      }
      statement.executeBatch();
      return "it did not fail";
    } catch (BatchUpdateException error) {
      return List.of(error.getSQLState(), Arrays.toString(error.getUpdateCounts()), Steps.rows(connection, "select count(*) from " + name + "_copy where t = 'broken'"));
    }
  }

  private static Object cancel() throws Exception {
    try (Statement statement = connection.createStatement()) {
      Thread canceller = Steps.whenRunning("select pg_sleep(60)", statement::cancel);
      String failed = Steps.failure(() -> statement.execute("select pg_sleep(60)"));
      canceller.join();
      return List.of(failed, Steps.rows(connection, "select 1"));
    }
  }

  private static Object notifications() throws Exception {
    Steps.exec(connection, "listen news_java");
    try (Connection other = connect("extended")) {
      Steps.rows(other, "select pg_notify('news_java', ?)::text", "ünï");
    }
    PGNotification[] heard = ((PGConnection) connection).getNotifications(20_000);
    return List.of(heard.length, heard[0].getName(), heard[0].getParameter());
  }

  private static Object notices() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("do $$ begin raise notice 'look %', 1; end $$");
      return statement.getWarnings().getMessage();
    }
  }

  private static Object reconnect() throws SQLException {
    connection.close();
    connection = connect("extended");
    return Steps.rows(connection, "select count(*) from " + name + "_t");
  }
}
