import java.lang.reflect.Field;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * Starts DynamoDB Local on the loopback address. Its own main class has no option for the host and listens on every
 * interface, so this one builds the same server, reaches for the web server inside and binds it before it starts.
 *
 * <p>The first argument is the port (0 lets the system choose), the others are DynamoDB Local's own. It prints one line
 * with the port once it listens, and stops when its standard input ends, which happens however the parent dies.
 */
public final class Launcher {
    private Launcher() {}

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        String[] options = new String[args.length - 1];
        System.arraycopy(args, 1, options, 0, options.length);

        DynamoDBProxyServer engine = ServerRunner.createServerFromCommandLineArgs(options);
        ServerConnector connector = bind(engine, port);
        engine.safeStart();
        System.out.println("listening on port " + connector.getLocalPort());
        System.out.flush();

        while (System.in.read() != -1) {
            // Nothing is ever sent: the stream only ends.
        }
        engine.stop(); // closes the files of a database on disk
        System.exit(0);
    }

    private static ServerConnector bind(DynamoDBProxyServer engine, int port) throws ReflectiveOperationException {
        Field field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        Connector[] connectors = ((Server) field.get(engine)).getConnectors();
        if (connectors.length != 1) {
            throw new IllegalStateException("expected one connector, found " + connectors.length);
        }
        ServerConnector connector = (ServerConnector) connectors[0];
        connector.setHost("127.0.0.1");
        connector.setPort(port);
        // Jetty closes an idle connection after 30 s. A client that writes at that instant sees a cut connection and
        // cannot know whether its write was done: a fault that only the fault proxy should cause.
        connector.setIdleTimeout(30 * 60 * 1000L);
        return connector;
    }
}
