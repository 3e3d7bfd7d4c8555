import java.math.BigDecimal;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Steps of MySQL Connector/J. */
public final class ConnectorJ {
  private static String json;
  private static String name;
  private static Connection connection;

  public static void main(String[] arguments) throws Exception {
    json = arguments[0];
    name = Steps.told(json, "name");
    connection = connect("");
    Steps.step("connect", () -> Steps.rows(connection, "select current_user(), @@character_set_client, version()"));
    Steps.step("simple query", () -> Steps.rows(connection, "select 6 * 7, 'text', null, 'ünï—🚪'"));
    Steps.step("parameters", ConnectorJ::parameters);
    Steps.step("prepared statement", ConnectorJ::prepared);
    Steps.step("error and going on", () -> List.of(
        Steps.failure(() -> Steps.exec(connection, "selec 1")),
        Steps.failure(() -> Steps.rows(connection, "select * from missing where n = ?", 1)),
        Steps.rows(connection, "select 1")));
    Steps.step("transaction", ConnectorJ::transaction);
    Steps.step("several statements", () -> List.of(
        sets("select 1 as a; select 'x;y' as b; create temporary table z (n int); insert into z values (1), (2)"),
        Steps.failure(() -> sets("select 1; select * from missing; select 2"))));
    Steps.step("stored procedure", ConnectorJ::procedure);
    Steps.step("large result", () -> Steps.hash(Steps.rows(connection, "select n, repeat('x', n % 100) from numbers")));
    Steps.step("large parameter", () -> Steps.rows(connection, "select length(?), sha2(?, 256)", "ü".repeat(1_500_000), "ü".repeat(1_500_000)));
    Steps.step("very large parameter", () -> Steps.rows(connection, "select length(?)", "ü".repeat(9_000_000)));
    connection = connect("");
    Steps.step("bulk in", ConnectorJ::bulkIn);
    Steps.step("cursor", ConnectorJ::cursor);
    Steps.step("pipeline", ConnectorJ::batch);
    Steps.step("cancel", ConnectorJ::cancel);
    Steps.step("warnings", () -> List.of(Steps.rows(connection, "select cast('x' as signed)"), Steps.rows(connection, "show warnings")));
    Steps.step("reconnect", ConnectorJ::reconnect);
    connection.close();
  }

  private static Connection connect(String more) throws SQLException {
    String url = "jdbc:mysql://" + Steps.told(json, "host") + ":" + Steps.told(json, "port") + "/" + Steps.told(json, "database")
        + "?sslMode=DISABLED&allowPublicKeyRetrieval=true&allowMultiQueries=true&connectionTimeZone=UTC" + more;
    return DriverManager.getConnection(url, Steps.told(json, "user"), Steps.told(json, "password"));
  }

  private static List<Object> sets(String sql) throws SQLException {
    List<Object> answers = new ArrayList<>();
    try (Statement statement = connection.createStatement()) {
      boolean isResult = statement.execute(sql);
      while (isResult || statement.getUpdateCount() != -1) {
        answers.add(isResult ? Steps.rows(statement.getResultSet()) : statement.getUpdateCount());
        isResult = statement.getMoreResults();
      }
    }
    return answers;
  }

  private static Object parameters() throws SQLException {
    String table = name + "_p";
    Steps.exec(connection, "create table " + table + " (a text, b text, c int, d bigint, e decimal(40, 10), f double, g tinyint, h blob, i datetime(6))");
    Object[] values = {null, "it's ünï—🚪 \\ \n", -7, 9007199254740993L, new BigDecimal("12345678901234567890.123456789"), 0.1, true, new byte[] {0, 1, 39, 92, -1},
      LocalDateTime.of(2026, 2, 3, 4, 5, 6, 789_000_000)};
    List<Object> answers = new ArrayList<>();
    // Once as text made by the driver, once by a prepared statement of the server.
    for (String more : List.of("", "&useServerPrepStmts=true")) {
      try (Connection one = connect(more); PreparedStatement statement = one.prepareStatement("insert into " + table + " values (?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
        for (int at = 0; at < values.length; at += 1) {
          statement.setObject(at + 1, values[at]);
        }
        answers.add(statement.executeUpdate());
        answers.add(Steps.rows(one, "select * from " + table + " where c = ?", -7));
      }
    }
    return answers;
  }

  private static Object prepared() throws SQLException {
    List<Object> answers = new ArrayList<>();
    try (Connection one = connect("&useServerPrepStmts=true&cachePrepStmts=true"); PreparedStatement statement = one.prepareStatement("select ? * 2")) {
      for (Integer value : Arrays.asList(1, 2, null)) {
        statement.setObject(1, value, Types.INTEGER);
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
    Savepoint savepoint = connection.setSavepoint("s");
    String twice = Steps.failure(() -> Steps.exec(connection, "insert into " + table + " values (2, 'twice')"));
    connection.rollback(savepoint);
    connection.commit();
    connection.setAutoCommit(true);
    return List.of(twice, Steps.rows(connection, "select * from " + table));
  }

  private static Object procedure() throws SQLException {
    List<Object> answers = sets("call two_sets(7)");
    try (CallableStatement call = connection.prepareCall("{call two_sets(?)}")) {
      call.setInt(1, 8);
      answers.add(Steps.rows(call.executeQuery()));
    }
    return answers;
  }

  private static Object bulkIn() throws SQLException {
    Steps.exec(connection, "create table " + name + "_copy (n int, t text)");
    try (Connection one = connect("&rewriteBatchedStatements=true"); PreparedStatement statement = one.prepareStatement("insert into " + name + "_copy values (?, ?)")) {
      for (int n = 0; n < 10_000; n += 1) {
        statement.setInt(1, n);
        statement.setString(2, "line " + n);
        statement.addBatch();
      }
      statement.executeBatch();
    }
    return Steps.rows(connection, "select count(*), sum(n) from " + name + "_copy");
  }

  private static Object cursor() throws SQLException {
    List<Object> answers = new ArrayList<>();
    // A cursor of the server, and rows one by one as they come.
    for (int size : new int[] {300, Integer.MIN_VALUE}) {
      try (Connection one = connect(size > 0 ? "&useCursorFetch=true" : ""); Statement statement = one.createStatement()) {
        statement.setFetchSize(size);
        int count = 0;
        ResultSet found = statement.executeQuery("select n from numbers limit 1000");
        while (found.next()) {
          count += 1;
        }
        answers.add(count);
      }
    }
    return answers;
  }

  private static Object batch() throws SQLException {
    try (Connection one = connect("&useServerPrepStmts=true"); PreparedStatement statement = one.prepareStatement("insert into " + name + "_copy values (?, ?)")) {
      for (int n = 0; n < 200; n += 1) {
        statement.setInt(1, n);
        statement.setString(2, "batch");
        statement.addBatch();
      }
      return Arrays.stream(statement.executeBatch()).sum();
    }
  }

  private static Object cancel() throws Exception {
    try (Statement statement = connection.createStatement()) {
      Thread canceller = Steps.whenRunning("select sleep(60)", statement::cancel);
      String failed;
      try {
        failed = String.valueOf(Steps.rows(statement.executeQuery("select sleep(60)")));
      } catch (SQLException error) {
        // Which of two exceptions it is depends on what the driver notices first.
        failed = "cancelled";
      }
      canceller.join();
      return List.of(failed, Steps.rows(connection, "select 1"));
    }
  }

  private static Object reconnect() throws SQLException {
    connection.close();
    connection = connect("");
    return Steps.rows(connection, "select count(*) from " + name + "_t");
  }
}
